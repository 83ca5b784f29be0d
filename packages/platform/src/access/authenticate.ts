import { HttpError } from '@kiln/service/http.ts';
import type { Queryable } from '@kiln/store/database.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientAddress } from './client.ts';
import { FailureLimit } from './failures.ts';
import { findPrincipal, shownCredential } from './principal.ts';
import { isSameOrigin } from './same-origin.ts';

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The door of every route that needs a credential: sets `request.principal`, or answers 401 (429 to an address that keeps
 * coming with wrong ones; a right one is never turned away). A change, or a live socket, by cookie must come from Kiln's own pages.
 */
export function createDoor(db: Queryable): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const failures = new FailureLimit({ limit: 120, windowMs: 60_000 });
  return async (request, reply) => {
    const principal = await findPrincipal(db, request);
    if (!principal) {
      const address = clientAddress(request);
      const wait = failures.waitSeconds(address);
      if (wait > 0) {
        reply.header('retry-after', wait);
        throw new HttpError(429, 'too_many_requests', `too many requests without a valid credential; wait ${wait} s`);
      }
      failures.fail(address);
      reply.header('www-authenticate', 'Bearer realm="kiln"');
      throw new HttpError(401, 'unauthorized', refusal(request));
    }
    if (principal.kind === 'session' && (request.ws || !READING.has(request.method)) && !isSameOrigin(request)) {
      throw new HttpError(
        403,
        'cross_site',
        "this request did not come from Kiln's own pages; programs use a Bearer token in place of the cookie",
      );
    }
    request.principal = principal;
  };
}

function refusal(request: FastifyRequest): string {
  const shown = shownCredential(request);
  if (!shown) return 'sign in with the link that `kiln sign-in` prints, or send the admin token as a Bearer token';
  if (shown.kind === 'session') return 'the session has ended; sign in again with the link that `kiln sign-in` prints';
  return 'the token is not valid; the right one is in the file admin-token under the data directory';
}

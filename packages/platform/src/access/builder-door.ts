import { HttpError } from '@kiln/service/http.ts';
import type { Logger } from '@kiln/service/log.ts';
import { findCredential } from '@kiln/store/credentials.ts';
import type { Queryable } from '@kiln/store/database.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { clientAddress } from './client.ts';
import { FailureLimit } from './failures.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** The name of the builder that asks; set on the routes of builders only. */
    builder: string | null;
  }
}

/**
 * The door of what builders call: sets `request.builder`, or answers 401 (429 to an address that keeps coming with wrong
 * tokens). A person's session or the admin token does not open it, and a builder's token opens nothing else.
 */
export function createBuilderDoor(
  db: Queryable,
  log: Logger,
): (request: FastifyRequest, reply: FastifyReply) => Promise<void> {
  const failures = new FailureLimit({ limit: 120, windowMs: 60_000 });
  return async (request, reply) => {
    const token = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
    const credential = token === undefined ? null : await findCredential(db, 'builder', token);
    if (credential) {
      request.builder = credential.subject;
      return;
    }
    const address = clientAddress(request);
    const wait = failures.waitSeconds(address);
    if (wait > 0) {
      reply.header('retry-after', wait);
      throw new HttpError(429, 'too_many_requests', `too many requests without a valid builder token; wait ${wait} s`);
    }
    failures.fail(address);
    if (token !== undefined) log.warn({ event: 'security.builder_refused', ip: address }, 'builder token refused');
    reply.header('www-authenticate', 'Bearer realm="kiln"');
    throw new HttpError(401, 'unauthorized', 'a valid builder token is needed; `kiln builder token NAME` makes one');
  };
}

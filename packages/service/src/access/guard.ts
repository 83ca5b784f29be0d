import {
  AUDIENCES,
  type Audience,
  may,
  type Permission,
  type Principal,
  type PrincipalKind,
  permissionOf,
} from '@kiln/protocol/permissions.ts';
import type { RouteAccess } from '@kiln/protocol/routes/definition.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Logger } from '../log.ts';
import { addAudit, auditLog, noteAudit } from './audit.ts';
import { bearerToken } from './bearer.ts';
import { addRateLimits, limitFailures } from './failure-limit.ts';
import { crossSite, forbidden, type Shown, tooManyUnauthorized, unauthorized } from './refusals.ts';
import { isSameOrigin } from './same-origin.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; null on routes that are open to everybody. */
    principal: Principal | null;
  }
  interface FastifyContextConfig {
    /** What a caller needs. Absent only on addresses that do not exist. */
    permission?: RouteAccess;
  }
}

export interface GuardOptions {
  log: Logger;
  /** The principal behind a token, if its credential is alive and of one of these kinds. */
  find(kinds: readonly PrincipalKind[], token: string): Promise<Principal | null>;
  /** The token of the session in a browser's cookie. Absent: there are no sessions here. */
  session?: (request: FastifyRequest) => string | undefined;
}

/** Failures of one address in a minute that are answered with 401; then comes 429. */
const MOST_FAILURES = 120;
const READING = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * The one guard of a server: every route's permission is checked here, before anything else is done for it. Sets
 * `request.principal`, or answers 401, 403 or 429. Register routes after it.
 */
export async function guardRoutes(app: FastifyInstance, options: GuardOptions): Promise<void> {
  await addRateLimits(app);
  addAudit(app, auditLog(options.log));
  app.decorateRequest('principal', null);
  const failures = limitFailures(app, { max: MOST_FAILURES, windowMs: 60_000 });

  app.addHook('onRequest', async (request) => {
    const { permission } = request.routeOptions.config;
    if (permission === undefined || permission === 'public' || permission === 'signed') return;
    const { audience } = permissionOf(permission);
    const { shown, principal } = await authenticate(options, request, audience);
    if (!principal) {
      const seconds = await failures(request);
      if (seconds > 0) throw tooManyUnauthorized(audience, seconds);
      noteRefusal(request, audience, shown);
      throw unauthorized(audience, shown);
    }
    if (shown === 'session' && isChange(request) && !isSameOrigin(request)) throw crossSite();
    request.principal = principal;
    if (!may(principal, permission)) throw deny(request, permission);
  });
}

/** Who asks. Throws on routes that are open to everybody, where nobody is known. */
export function principalOf(request: FastifyRequest): Principal {
  if (request.principal) return request.principal;
  throw new Error(`${request.method} ${request.routeOptions.url} is open to everybody, so it does not know who asks`);
}

/** A Bearer token goes before a cookie; only a cookie shows a session, and a cookie shows nothing else. */
async function authenticate(
  { find, session }: GuardOptions,
  request: FastifyRequest,
  audience: Audience,
): Promise<{ shown: Shown; principal: Principal | null }> {
  const kinds: readonly PrincipalKind[] = AUDIENCES[audience];
  const bearer = bearerToken(request.headers.authorization);
  if (bearer !== null) {
    const principal = await find(
      kinds.filter((kind) => kind !== 'session'),
      bearer,
    );
    return { shown: 'token', principal };
  }
  const cookie = kinds.includes('session') ? session?.(request) : undefined;
  if (!cookie) return { shown: null, principal: null };
  return { shown: 'session', principal: await find(['session'], cookie) };
}

/** A live socket counts as a change: whoever opened one from another site could read along. */
function isChange(request: FastifyRequest): boolean {
  return request.ws || !READING.has(request.method);
}

function noteRefusal(request: FastifyRequest, audience: Audience, shown: Shown): void {
  if (audience === 'builders' && shown !== null) noteAudit(request, 'security.builder_refused');
  if (audience === 'hosts') noteAudit(request, 'security.host_refused');
}

function deny(request: FastifyRequest, permission: Permission): Error {
  noteAudit(request, 'security.permission_denied', { permission });
  return forbidden(permission);
}

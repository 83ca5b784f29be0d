import type { Credential } from '@kiln/store/credentials.ts';
import { findCredential } from '@kiln/store/credentials.ts';
import type { Queryable } from '@kiln/store/database.ts';
import type { FastifyRequest } from 'fastify';
import { SESSION_COOKIE } from './cookie.ts';

/** Who a request speaks for. Handlers ask this, never the credential's form. */
export interface Principal {
  /** `admin`: a program with the admin token. `session`: a browser that signed in. */
  kind: 'admin' | 'session';
  subject: string;
  credentialId: string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every route that needs a credential, null elsewhere. */
    principal: Principal | null;
  }
}

/** What a request shows as its right to be answered: a Bearer token goes before a cookie. */
export function shownCredential(request: FastifyRequest): { kind: Principal['kind']; token: string } | null {
  const bearer = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (bearer !== undefined) return { kind: 'admin', token: bearer };
  const cookie = request.cookies[SESSION_COOKIE];
  return cookie ? { kind: 'session', token: cookie } : null;
}

/** The principal behind a request, or null when it shows no valid credential. */
export async function findPrincipal(sql: Queryable, request: FastifyRequest): Promise<Principal | null> {
  const shown = shownCredential(request);
  if (!shown) return null;
  const credential: Credential | null = await findCredential(sql, shown.kind, shown.token);
  if (!credential) return null;
  return { kind: shown.kind, subject: credential.subject, credentialId: credential.credentialId };
}

import { SESSION_MS } from '@kiln/store/credentials.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';

export const SESSION_COOKIE = 'kiln_session';

/** Gives the browser its session. Not for scripts, not for other sites, and only over TLS where the request came over TLS. */
export function setSession(request: FastifyRequest, reply: FastifyReply, basePath: string, token: string): void {
  reply.setCookie(SESSION_COOKIE, token, {
    path: basePath || '/',
    httpOnly: true,
    sameSite: 'lax',
    secure: request.protocol === 'https',
    maxAge: Math.floor(SESSION_MS / 1000),
  });
}

/** Takes the session from the browser. */
export function clearSession(reply: FastifyReply, basePath: string): void {
  reply.clearCookie(SESSION_COOKIE, { path: basePath || '/', httpOnly: true, sameSite: 'lax' });
}

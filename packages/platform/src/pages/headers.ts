import type { FastifyInstance } from 'fastify';

/** What Kiln's own pages may do: run and fetch only what Kiln itself serves, and not be framed. */
export const PAGE_POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  // The component library sets styles on elements.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** For what builds made: whatever it is, it must not act as a page of Kiln, whose cookie the browser would send along. */
export const FOREIGN_POLICY =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; frame-ancestors 'none'";

/** Gives every answer the headers that keep browsers from guessing, leaking and framing. */
export function addSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff');
    reply.header('referrer-policy', 'no-referrer');
    reply.header('x-frame-options', 'DENY');
    reply.header('content-security-policy', PAGE_POLICY);
  });
}

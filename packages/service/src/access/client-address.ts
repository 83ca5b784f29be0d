import type { FastifyRequest } from 'fastify';

/**
 * The address of who asks. Behind a trusted proxy it is what that proxy added to X-Forwarded-For; anything in front of
 * that was written by the client itself and proves nothing.
 */
export function clientAddress(request: FastifyRequest): string {
  return request.ips?.[1] ?? request.ip;
}

import type { ResolvedConfig } from '@kiln/service/config.ts';
import type { FastifyRequest } from 'fastify';

/** The farm's address as it is known outside: what is configured, else how this request came to it. No slash at its end. */
export function farmAddress(request: FastifyRequest, { http }: ResolvedConfig): string {
  return http.publicUrl ?? `${request.protocol}://${request.host}${http.basePath}`;
}

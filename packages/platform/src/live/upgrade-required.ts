import { HttpError } from '@kiln/service/http.ts';
import type { FastifyReply, FastifyRequest } from 'fastify';

/** Answers who comes to the address of a WebSocket without asking for one: 426. */
export async function upgradeRequired(_request: FastifyRequest, reply: FastifyReply): Promise<never> {
  reply.header('upgrade', 'websocket');
  throw new HttpError(426, 'upgrade_required', 'this address speaks WebSocket');
}

import { principalOf } from '@kiln/service/access/guard.ts';
import { registerSocket } from '@kiln/service/register-route.ts';
import type { FastifyInstance } from 'fastify';
import type { LiveServer } from './live-server.ts';

/** `GET /api/live`: the live socket. */
export function addLiveRoute(app: FastifyInstance, live: LiveServer): void {
  registerSocket(app, 'GET /api/live', (socket, request) => live.accept(socket, principalOf(request)));
}

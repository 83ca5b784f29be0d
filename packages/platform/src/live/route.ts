import { principalOf } from '@kiln/service/access/guard.ts';
import { registerSocket } from '@kiln/service/register-route.ts';
import type { FastifyInstance } from 'fastify';
import type { LiveHub } from './hub.ts';

/** `GET /api/live`: the live socket. */
export function addLiveRoute(app: FastifyInstance, hub: LiveHub): void {
  registerSocket(app, 'GET /api/live', (socket, request) => hub.accept(socket, principalOf(request)));
}

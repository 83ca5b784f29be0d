import { principalOf } from '@kiln/service/access/guard.ts';
import { registerSocket } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { FastifyInstance } from 'fastify';
import { farmAddress } from '../http/farm-address.ts';
import type { BuildStreams } from './build-streams.ts';

/** `GET /api/vm-build/logs/stream`: builds as they go, as JSON. */
export function addBuildStreamRoute(app: FastifyInstance, { config }: FarmContext, streams: BuildStreams): void {
  registerSocket(app, 'GET /api/vm-build/logs/stream', (socket, request) => {
    const farm = farmAddress(request, config);
    streams.accept(socket, principalOf(request), { farm, wire: request.raw.socket });
  });
}

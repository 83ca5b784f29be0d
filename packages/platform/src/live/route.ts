import type { App } from '../app.ts';
import type { LiveHub } from './hub.ts';
import { upgradeRequired } from './upgrade-required.ts';

/** Where the live socket is. */
export const LIVE_ADDRESS = '/api/live';

/** `GET /api/live`: the live socket. Who comes without asking for a WebSocket is told so. */
export function addLiveRoute(app: App, hub: LiveHub): void {
  app.route({
    method: 'GET',
    url: LIVE_ADDRESS,
    exposeHeadRoute: false,
    schema: {
      summary: 'Live socket (WebSocket): hints about changes, and logs as they are written',
      description: 'Messages are described in docs/api.md.',
      tags: ['live'],
    },
    handler: upgradeRequired,
    wsHandler: (socket, request) => {
      if (request.principal) hub.accept(socket, request.principal);
      else socket.close(1008, 'no credential');
    },
  });
}

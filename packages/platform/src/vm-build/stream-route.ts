import type { FarmContext } from '@kiln/store/context.ts';
import type { App } from '../app.ts';
import type { LiveHub } from '../live/hub.ts';
import { upgradeRequired } from '../live/upgrade-required.ts';

/** Where the stream of builds is. */
export const BUILD_STREAM_ADDRESS = '/api/vm-build/logs/stream';

/** `GET /api/vm-build/logs/stream`: builds as they go, as JSON. */
export function addBuildStreamRoute(app: App, { config }: FarmContext, hub: LiveHub): void {
  app.route({
    method: 'GET',
    url: BUILD_STREAM_ADDRESS,
    exposeHeadRoute: false,
    schema: {
      summary: 'Stream of builds (WebSocket): log entries, progress and changes of status, as JSON',
      description: 'Messages are described in docs/api.md.',
      tags: ['builds'],
    },
    handler: upgradeRequired,
    wsHandler: (socket, request) => {
      const { principal } = request;
      if (!principal) return socket.close(1008, 'no credential');
      const farm = config.http.publicUrl ?? `${request.protocol}://${request.host}${config.http.basePath}`;
      hub.acceptBuilds(socket, principal, { farm, wire: request.raw.socket });
    },
  });
}

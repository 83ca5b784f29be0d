import { ApiError, FarmStatus } from '@kiln/protocol/api.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { readFarmStatus } from '@kiln/store/reads/status.ts';
import type { App } from '../app.ts';
import { shareRead } from './shared-read.ts';

/** How long an answer of /status is given again, so that a tight scrape costs the database nothing. */
const KEPT_MS = 250;

/** `GET /status`: the farm in one object. `GET /healthz`: the process lives. Both are open and change nothing. */
export function addStatusRoutes(app: App, { db, config }: FarmContext): void {
  const read = shareRead(KEPT_MS, async () => await readFarmStatus(db, config.farmId));
  app.get(
    '/status',
    {
      schema: {
        summary: 'The farm in one object, for scrapers and watchdogs',
        tags: ['probes'],
        security: [],
        response: { 200: FarmStatus, 503: ApiError },
      },
    },
    async () => await read(),
  );
  app.get('/healthz', { schema: { hide: true } }, async (_request, reply) => {
    return await reply.type('text/plain; charset=utf-8').send('ok\n');
  });
}

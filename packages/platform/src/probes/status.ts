import { ApiError, FarmStatus } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { BuildCounter } from '@kiln/store/reads/build-counts.ts';
import { readFarmStatus } from '@kiln/store/reads/status.ts';
import type { App } from '../app.ts';
import { shareRead } from './shared-read.ts';

/** How long an answer of /status is given again, so that a tight scrape costs the database nothing. */
const KEPT_MS = 250;

/** `GET /status`: the farm in one object. `GET /healthz`: the process lives. Both are open and change nothing. */
export function addStatusRoutes(app: App, { db, bus, config }: FarmContext): void {
  const builds = new BuildCounter(db);
  const status = shareRead(KEPT_MS, async () => await readFarmStatus(db, config.farmId, builds));
  const unsubscribe = bus.subscribe(SUBJECTS.changed, status.forget);
  app.addHook('onClose', async () => unsubscribe());
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
    async () => await status.read(),
  );
  app.get('/healthz', { schema: { hide: true } }, async (_request, reply) => {
    return await reply.type('text/plain; charset=utf-8').send('ok\n');
  });
}

import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { BuildCounter } from '@kiln/store/reads/build-counts.ts';
import { readFarmStatus } from '@kiln/store/reads/status.ts';
import type { FastifyInstance } from 'fastify';
import { shareRead } from '../http/shared-read.ts';

/** How long an answer of /status is given again, so that a tight scrape costs the database nothing. */
const KEPT_MS = 250;

/** `GET /status`: the farm in one object. `GET /healthz`: the process lives. Both are open and change nothing. */
export function addStatusRoutes(app: FastifyInstance, { db, bus, config }: FarmContext): void {
  const builds = new BuildCounter(db);
  const status = shareRead(KEPT_MS, async () => await readFarmStatus(db, config.farmId, builds));
  const unsubscribe = bus.subscribe(SUBJECTS.changed, status.forget);
  app.addHook('onClose', async () => unsubscribe());
  registerRoute(app, 'GET /status', async () => await status.read());
  registerRoute(
    app,
    'GET /healthz',
    async (_request, reply) => await reply.type('text/plain; charset=utf-8').send('ok\n'),
  );
}

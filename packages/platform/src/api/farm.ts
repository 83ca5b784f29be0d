import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import { VERSION } from '@kiln/service/version.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { listPackages, packageCursor } from '@kiln/store/packages.ts';
import { readAgents } from '@kiln/store/reads/agents.ts';
import { readOverview } from '@kiln/store/reads/overview.ts';
import { AmbiguousIdError, readTrace } from '@kiln/store/reads/trace.ts';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../http/params.ts';
import { shareRead } from '../http/shared-read.ts';

/** Many pages ask for the overview when something changes; they share one answer. */
const OVERVIEW_KEPT_MS = 200;

/** The farm as a whole: overview, agents, packages, and the story of one id. */
export function addFarmRoutes(app: FastifyInstance, { db, bus, config }: FarmContext): void {
  const overview = shareRead(
    OVERVIEW_KEPT_MS,
    async () => await readOverview(db, { farmId: config.farmId, version: VERSION }),
  );
  const unsubscribe = bus.subscribe(SUBJECTS.changed, overview.forget);
  app.addHook('onClose', async () => unsubscribe());
  registerRoute(app, 'GET /api/overview', async () => await overview.read());

  registerRoute(app, 'GET /api/agents', async () => ({ agents: await readAgents(db) }));

  registerRoute(app, 'GET /api/packages', async (request) => {
    const limit = request.query.limit ?? 100;
    const packages = await listPackages(db, { ...request.query, limit: limit + 1 }).catch((error: unknown) => {
      if (error instanceof TypeError) throw new HttpError('bad_cursor', error.message);
      throw error;
    });
    const shown = packages.slice(0, limit);
    const last = shown.at(-1);
    return { packages: shown, nextCursor: last && packages.length > limit ? packageCursor(last) : null };
  });

  registerRoute(app, 'GET /api/trace/:id', async (request) => {
    const { id } = request.params;
    const trace = await readTrace(db, id).catch((error: unknown) => {
      if (error instanceof AmbiguousIdError) throw new HttpError('ambiguous_id', error.message);
      throw error;
    });
    if (!trace) throw notFound('request, run, job, event or delivery with the id', id);
    return trace;
  });
}

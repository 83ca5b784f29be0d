import { principalOf } from '@kiln/service/access/guard.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { readRun } from '@kiln/store/reads/run-detail.ts';
import { CursorError, listRuns } from '@kiln/store/reads/runs.ts';
import { requestCancel } from '@kiln/store/runs/cancel.ts';
import { requestRetry } from '@kiln/store/runs/retries.ts';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../http/params.ts';
import { tellOfChange } from './change-run.ts';
import { startRun } from './start-run.ts';

/** Runs: the list, one, and what may be done with them. */
export function addRunRoutes(app: FastifyInstance, context: FarmContext): void {
  const { db } = context;

  registerRoute(app, 'GET /api/runs', async (request) => {
    try {
      return await listRuns(db, { ...request.query, limit: request.query.limit ?? 50 });
    } catch (error) {
      if (error instanceof CursorError) throw new HttpError('bad_cursor', error.message);
      throw error;
    }
  });

  registerRoute(app, 'GET /api/runs/:id', async (request) => {
    const run = await readRun(db, request.params.id);
    if (!run) throw notFound('run', request.params.id);
    return run;
  });

  registerRoute(
    app,
    'POST /api/runs',
    async (request) => await startRun(context, request.body, principalOf(request).id, request.id),
  );

  registerRoute(app, 'POST /api/runs/:id/cancel', async (request) => {
    const { id } = request.params;
    const by = principalOf(request).id;
    return await tellOfChange(context, id, await requestCancel(db, id, by), { to: 'cancelled', by });
  });

  registerRoute(app, 'POST /api/runs/:id/retry', async (request) => {
    const { id } = request.params;
    const by = principalOf(request).id;
    return await tellOfChange(context, id, await requestRetry(db, id), { to: 'queued', by });
  });
}

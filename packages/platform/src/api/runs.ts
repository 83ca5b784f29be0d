import { ApiError, RunChange, RunDetail, RunList, RunQuery, StartedRun, StartRun } from '@kiln/protocol/api.ts';
import { HttpError } from '@kiln/service/http.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { readRun } from '@kiln/store/reads/run-detail.ts';
import { CursorError, listRuns } from '@kiln/store/reads/runs.ts';
import { requestCancel } from '@kiln/store/runs/cancel.ts';
import { requestRetry } from '@kiln/store/runs/retries.ts';
import type { App } from '../app.ts';
import { tellOfChange } from './change-run.ts';
import { IdParams, notFound } from './params.ts';
import { startRun } from './start-run.ts';

const tags = ['runs'];

/** Runs: the list, one, and what may be done with them. */
export function addRunRoutes(app: App, context: FarmContext): void {
  const { db } = context;

  app.get(
    '/api/runs',
    {
      schema: { summary: 'Runs, newest first', tags, querystring: RunQuery, response: { 200: RunList, 400: ApiError } },
    },
    async (request) => {
      try {
        return await listRuns(db, { ...request.query, limit: request.query.limit ?? 50 });
      } catch (error) {
        if (error instanceof CursorError) throw new HttpError(400, 'bad_cursor', error.message);
        throw error;
      }
    },
  );

  app.get(
    '/api/runs/:id',
    {
      schema: {
        summary: 'Everything about one run',
        tags,
        params: IdParams,
        response: { 200: RunDetail, 404: ApiError },
      },
    },
    async (request) => {
      const run = await readRun(db, request.params.id);
      if (!run) throw notFound('run', request.params.id);
      return run;
    },
  );

  app.post(
    '/api/runs',
    {
      schema: {
        summary: 'Build a recipe: the newest version that its upstream has, or the one given',
        tags,
        body: StartRun,
        response: { 202: StartedRun, 400: ApiError, 404: ApiError },
      },
    },
    async (request, reply) => {
      const by = request.principal?.subject ?? '';
      return await reply.code(202).send(await startRun(context, request.body, by, request.id));
    },
  );

  app.post(
    '/api/runs/:id/cancel',
    {
      schema: {
        summary: 'End a run that goes on, or take a failed one off its retries',
        tags,
        params: IdParams,
        response: { 200: RunChange, 404: ApiError, 409: ApiError },
      },
    },
    async (request) => {
      const { id } = request.params;
      const change = await requestCancel(db, id, request.principal?.subject ?? '');
      return await tellOfChange(context, id, change, { to: 'cancelled', by: request.principal?.subject ?? '' });
    },
  );

  app.post(
    '/api/runs/:id/retry',
    {
      schema: {
        summary: 'Try a failed run again at once',
        tags,
        params: IdParams,
        response: { 200: RunChange, 404: ApiError, 409: ApiError },
      },
    },
    async (request) => {
      const { id } = request.params;
      const change = await requestRetry(db, id);
      return await tellOfChange(context, id, change, { to: 'queued', by: request.principal?.subject ?? '' });
    },
  );
}

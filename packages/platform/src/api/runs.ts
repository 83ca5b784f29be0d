import { randomUUID } from 'node:crypto';
import { ApiError, RunChange, RunDetail, RunList, RunQuery, StartedRun, StartRun } from '@kiln/protocol/api.ts';
import type { BuildPayload } from '@kiln/protocol/events.ts';
import { SUBJECTS } from '@kiln/protocol/live.ts';
import { HttpError } from '@kiln/service/http.ts';
import { inSpan, traceparentOf } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { insertEvent } from '@kiln/store/events.ts';
import { readRecipeNames } from '@kiln/store/reads/recipes.ts';
import { readRun } from '@kiln/store/reads/run-detail.ts';
import { CursorError, listRuns } from '@kiln/store/reads/runs.ts';
import { requestCancel, requestRetry, type StateChange } from '@kiln/store/runs.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import type { App } from '../app.ts';
import { nearestNames } from './nearest.ts';
import { IdParams, notFound } from './params.ts';

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
      return await told(context, id, change, { to: 'cancelled', by: request.principal?.subject ?? '' });
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
      return await told(context, id, change, { to: 'queued', by: request.principal?.subject ?? '' });
    },
  );
}

async function startRun(
  { db, bus, log, service, instance }: FarmContext,
  wanted: StartRun,
  by: string,
  requestId: string,
): Promise<StartedRun> {
  const names = await readRecipeNames(db);
  if (!names.includes(wanted.recipe)) {
    const near = nearestNames(wanted.recipe, names);
    const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '';
    throw new HttpError(404, 'unknown_recipe', `there is no recipe "${wanted.recipe.slice(0, 100)}"${hint}`);
  }
  const attributes = { 'kiln.recipe': wanted.recipe, 'kiln.request_id': requestId };
  return await inSpan('run.request', { parent: null, attributes }, async (span) => {
    const payload: BuildPayload = {
      recipe: wanted.recipe,
      version: wanted.version ?? null,
      ref: null,
      commit: null,
      force: wanted.force ?? false,
      by,
    };
    const { eventId } = await db.begin(async (sql) => {
      const stored = await insertEvent(sql, {
        source: 'manual',
        deliveryId: randomUUID(),
        name: 'build',
        routingKey: `recipe:${wanted.recipe}`,
        payload,
        requestId,
        traceparent: traceparentOf(span),
      });
      const what = `${wanted.recipe} ${wanted.version ?? '(newest version)'}`;
      const message = `${by} asked for ${what}${payload.force ? ', whatever is built already' : ''}`;
      const detail = { eventId: stored.eventId, ...payload };
      await addMilestones(sql, [{ requestId, service, instance, name: 'run.requested', message, detail }]);
      return stored;
    });
    log.info({ recipe: wanted.recipe, version: wanted.version, requestId, eventId, by }, 'run requested');
    bus.publish(SUBJECTS.event, {});
    return { requestId, eventId };
  });
}

/** Tells everybody of a change that was accepted; throws 404 or 409 for one that was not. */
async function told(
  { db, bus, log, service, instance }: FarmContext,
  runId: string,
  change: StateChange,
  wish: { to: 'cancelled' | 'queued'; by: string },
): Promise<RunChange> {
  if (!change.ok) {
    if (change.from === null) throw notFound('run', runId);
    const message = `a run that is ${change.from} can't become ${wish.to}`;
    throw new HttpError(409, 'illegal_state_change', message, { from: change.from, to: wish.to });
  }
  const cancels = wish.to === 'cancelled';
  const [run] = await db<{ requestId: string }[]>`SELECT request_id FROM runs WHERE run_id = ${runId}`;
  if (run) {
    const name = cancels ? 'run.cancel_requested' : 'run.retry_requested';
    const message = `${wish.by} ${cancels ? 'cancelled the run' : 'asked for another try'}`;
    await addMilestones(db, [{ requestId: run.requestId, runId, service, instance, name, message }]);
    log.info({ runId, requestId: run.requestId, by: wish.by }, cancels ? 'cancel requested' : 'retry requested');
  }
  if (cancels) bus.publish(SUBJECTS.cancel, { runId });
  else bus.publish(change.status === 'publishing' ? SUBJECTS.publish : SUBJECTS.queue, { runId });
  bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
  return { runId, status: change.status };
}

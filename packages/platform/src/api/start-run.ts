import { randomUUID } from 'node:crypto';
import type { StartedRun, StartRun } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { BuildPayload } from '@kiln/protocol/events.ts';
import { HttpError } from '@kiln/service/http.ts';
import { inSpan, traceparentOf } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { insertEvent } from '@kiln/store/events.ts';
import { readRecipeNames } from '@kiln/store/reads/recipes.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { nearestNames } from './nearest.ts';

/** Stores an order for a run, which the router makes of it. Throws 404 with the nearest names for a recipe that is not there. */
export async function startRun(
  { db, bus, log, service, instance }: FarmContext,
  wanted: StartRun,
  by: string,
  requestId: string,
): Promise<StartedRun> {
  const names = await readRecipeNames(db);
  if (!names.includes(wanted.recipe)) {
    const near = nearestNames(wanted.recipe, names);
    const hint = near.length > 0 ? `; did you mean ${near.join(' or ')}?` : '';
    throw new HttpError('unknown_recipe', `there is no recipe "${wanted.recipe.slice(0, 100)}"${hint}`);
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

import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { BuildPayload } from '@kiln/protocol/events.ts';
import type { Queryable } from '@kiln/store/database.ts';
import { insertEvents } from '@kiln/store/events.ts';

/**
 * Asks for a build of every recipe with a trigger `after` the run's recipe, in the transaction that completes the run: once
 * for each run, in the same request. Returns how many were asked for; publish SUBJECTS.event after the commit.
 */
export async function afterRunEvents(
  sql: Queryable,
  run: { runId: string; requestId: string; recipe: string; version: string; traceparent?: string | null },
  recipes: readonly CompiledRecipe[],
): Promise<number> {
  const followers = recipes.filter(({ triggers }) =>
    triggers.some((trigger) => typeof trigger === 'object' && 'after' in trigger && trigger.after === run.recipe),
  );
  const stored = await insertEvents(
    sql,
    followers.map(({ name }) => ({
      source: 'run',
      deliveryId: `${run.runId}:${name}`,
      name: 'build',
      routingKey: `recipe:${name}`,
      payload: buildAfter(name, run),
      requestId: run.requestId,
      traceparent: run.traceparent ?? null,
    })),
  );
  return stored.filter((event) => !event.duplicate).length;
}

function buildAfter(recipe: string, run: { recipe: string; version: string }): BuildPayload {
  const by = `after ${run.recipe} ${run.version}`;
  return { recipe, version: null, ref: null, commit: null, force: false, by };
}

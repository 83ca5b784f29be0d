import type { Queryable, Transaction } from './database.ts';
import { lockInTransaction } from './locks.ts';

/** What the router must know before it makes a run, asked for a whole batch at once. */

/**
 * Makes routers take turns where they decide about the same recipe, until the transaction ends: so two events that ask for
 * one version at the same moment become one run.
 */
export async function lockRecipes(sql: Transaction, recipes: readonly string[]): Promise<void> {
  await lockInTransaction(sql, 'recipe', recipes);
}

/** A build that somebody wants. `ref` and `commit` set: it is not wanted when that commit was built already. */
export interface WantedBuild {
  recipe: string;
  version: string;
  ref: string | null;
  commit: string | null;
}

/** Why a wanted build must not start. */
export type Blocker = { waitsUntil: Date } | { runId: string; inProgress: boolean };

/** The blockers, in the order of the builds: null where there is none. */
export async function findBlockers(sql: Queryable, builds: readonly WantedBuild[]): Promise<(Blocker | null)[]> {
  if (builds.length === 0) return [];
  const rows = builds.map(({ recipe, version, ref, commit }, n) => ({ n, recipe, version, ref, commit }));
  // The open runs are few, and read once for the whole batch; a recipe may have any number of finished ones.
  const found = await sql<{ n: number; nextRetry: Date | null; openRun: string | null; sameCommit: string | null }[]>`
    WITH open AS MATERIALIZED (
      SELECT recipe, version, min(run_id::text) AS run_id FROM runs WHERE status IN ('queued', 'building', 'publishing')
      GROUP BY recipe, version
    )
    SELECT w.n, b.next_retry, o.run_id AS open_run,
      CASE WHEN w.commit IS NOT NULL THEN (
        SELECT run_id FROM runs r WHERE r.recipe = w.recipe AND r.ref = w.ref AND r.commit_hash = w.commit
          AND r.status NOT IN ('failed', 'cancelling', 'cancelled') LIMIT 1) END AS same_commit
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS w(n int, recipe text, version text, ref text, commit text)
    LEFT JOIN backoff b ON b.recipe = w.recipe AND b.version = w.version AND b.next_retry > now()
    LEFT JOIN open o ON o.recipe = w.recipe AND o.version = w.version`;
  const blockers: (Blocker | null)[] = builds.map(() => null);
  for (const { n, nextRetry, openRun, sameCommit } of found) {
    if (nextRetry) blockers[n] = { waitsUntil: nextRetry };
    else if (openRun) blockers[n] = { runId: openRun, inProgress: true };
    else if (sameCommit) blockers[n] = { runId: sameCommit, inProgress: false };
  }
  return blockers;
}

/** The versions of a recipe's runs made since a time: those that a version made from the clock could meet. */
export async function versionsSince(
  sql: Queryable,
  recipes: readonly string[],
  since: Date,
): Promise<{ recipe: string; version: string }[]> {
  return await sql<{ recipe: string; version: string }[]>`
    SELECT DISTINCT recipe, version FROM runs WHERE recipe = ANY(${[...recipes]}) AND created_at >= ${since}`;
}

import type { FarmStatus } from '@kiln/protocol/api.ts';
import { buildCounters } from '../counters.ts';
import type { Queryable } from '../database.ts';
import { iso } from './time.ts';

interface InFlightRow {
  recipe: string;
  version: string;
  startedAt: Date;
}

interface FailureRow {
  recipe: string;
  version: string;
  failures: number;
  nextRetry: Date | null;
}

/** What `GET /status` shows. Three small reads, no lock. */
export async function readFarmStatus(sql: Queryable, farmId: string): Promise<FarmStatus> {
  const [recipes, [inFlight], failing] = await Promise.all([
    sql<{ name: string }[]>`SELECT name FROM recipes ORDER BY position`,
    sql<InFlightRow[]>`
      SELECT recipe, version, coalesce(started_at, created_at) AS started_at FROM runs
      WHERE status IN ('building', 'publishing', 'cancelling') ORDER BY started_at, run_id LIMIT 1`,
    sql<FailureRow[]>`SELECT recipe, version, failures, next_retry FROM backoff ORDER BY recipe, version`,
  ]);
  const failures = failing.map(
    (row) => [`${row.recipe}@${row.version}`, { failures: row.failures, next_retry: iso(row.nextRetry) }] as const,
  );
  return {
    farm_id: farmId,
    recipes: recipes.map((row) => row.name),
    builds_attempted: buildCounters.attempted,
    builds_succeeded: buildCounters.succeeded,
    in_flight: inFlight
      ? { recipe: inFlight.recipe, version: inFlight.version, started_at: iso(inFlight.startedAt) }
      : null,
    failures: failures.length > 0 ? Object.fromEntries(failures) : null,
  };
}

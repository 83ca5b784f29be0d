import type { FarmStatus } from '@kiln/protocol/api.ts';
import type { Database } from '../database.ts';
import type { BuildCounter } from './build-counts.ts';
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

/** What `GET /status` shows. Four small reads, no lock. */
export async function readFarmStatus(sql: Database, farmId: string, counter: BuildCounter): Promise<FarmStatus> {
  const [builds, recipes, [inFlight], failing] = await Promise.all([
    counter.read(),
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
    builds_attempted: builds.attempted,
    builds_succeeded: builds.succeeded,
    in_flight: inFlight
      ? { recipe: inFlight.recipe, version: inFlight.version, started_at: iso(inFlight.startedAt) }
      : null,
    failures: failures.length > 0 ? Object.fromEntries(failures) : null,
  };
}

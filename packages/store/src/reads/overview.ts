import type { Overview } from '@kiln/protocol/api.ts';
import type { Queryable } from '../database.ts';
import { listPackages } from '../packages.ts';
import { readAgents } from './agents.ts';
import { readProblems } from './problems.ts';
import { type Fragment, readRuns } from './runs.ts';
import { iso } from './time.ts';

/** The runs that are not finished, those first that began first. */
const OPEN: readonly string[] = ['building', 'publishing', 'cancelling'];

/** Everything that the overview page shows. Times of a day are the last 24 hours, not the calendar's. */
export async function readOverview(sql: Queryable, farm: { farmId: string; version: string }): Promise<Overview> {
  const [running, [queue], day, hours, failing, published, agents, problems] = await Promise.all([
    readRuns(
      sql,
      sql`SELECT * FROM runs WHERE status = ANY (${[...OPEN]}::text[]) ORDER BY started_at, run_id LIMIT 100`,
    ),
    sql<{ depth: number }[]>`SELECT count(*) AS depth FROM jobs WHERE status = 'queued' AND unmet = 0`,
    readDay(sql),
    readHours(sql),
    readFailing(sql),
    listPackages(sql, { limit: 10 }),
    readAgents(sql),
    readProblems(sql),
  ]);
  return {
    ...farm,
    now: new Date().toISOString(),
    problems,
    running: running.reverse(),
    queueDepth: queue?.depth ?? 0,
    day,
    hours,
    failing,
    published,
    agents,
  };
}

/** The runs that were created in the last 24 hours. The average is of the completed ones. */
async function readDay(sql: Queryable): Promise<Overview['day']> {
  const [row] = await sql<Overview['day'][]>`
    SELECT count(*) AS runs, count(*) FILTER (WHERE status = 'completed') AS completed, count(*) FILTER (WHERE status = 'failed') AS failed,
      (extract(epoch FROM avg(finished_at - started_at) FILTER (WHERE status = 'completed')))::float8 AS average_seconds
    FROM runs WHERE created_at > now() - interval '24 hours'`;
  return row ?? { runs: 0, completed: 0, failed: 0, averageSeconds: null };
}

interface HourRow {
  hour: Date;
  completed: number;
  failed: number;
  cancelled: number;
}

/** The runs that finished in each of the last 24 hours, this one included. */
async function readHours(sql: Queryable): Promise<Overview['hours']> {
  const first: Fragment = sql`date_trunc('hour', now()) - interval '23 hours'`;
  const rows = await sql<HourRow[]>`
    SELECT h.hour, coalesce(r.completed, 0) AS completed, coalesce(r.failed, 0) AS failed, coalesce(r.cancelled, 0) AS cancelled
    FROM generate_series(${first}, date_trunc('hour', now()), interval '1 hour') AS h(hour) LEFT JOIN (
      SELECT date_trunc('hour', finished_at) AS hour, count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'failed') AS failed, count(*) FILTER (WHERE status = 'cancelled') AS cancelled
      FROM runs WHERE finished_at >= ${first} GROUP BY 1
    ) AS r ON r.hour = h.hour ORDER BY h.hour`;
  return rows.map((row) => ({ ...row, hour: iso(row.hour) }));
}

interface FailingRow {
  recipe: string;
  version: string;
  failures: number;
  nextRetry: Date | null;
  runId: string;
}

async function readFailing(sql: Queryable): Promise<Overview['failing']> {
  const rows = await sql<FailingRow[]>`
    SELECT recipe, version, failures, next_retry, run_id FROM backoff ORDER BY failed_at DESC, recipe, version LIMIT 50`;
  return rows.map((row) => ({ ...row, nextRetry: iso(row.nextRetry) }));
}

import type { RunStatus } from '@kiln/protocol/states.ts';
import type { Queryable } from '../database.ts';

/** The farm in figures, for metrics. */
export interface FarmFigures {
  /** Runs by status; finished ones only of the last 24 hours, so that the read stays cheap. */
  runs: { status: RunStatus; count: number }[];
  /** Jobs that could start now and wait for an agent. */
  queueDepth: number;
  /** Versions that failed last time, by recipe of the roster; a recipe without one has 0. */
  failing: { recipe: string; count: number }[];
  agentsConnected: number;
  deadLetters: number;
}

/** Reads the figures: a few counts over small indexes, no lock. */
export async function readFigures(sql: Queryable): Promise<FarmFigures> {
  const [runs, failing, [row]] = await Promise.all([
    sql<{ status: RunStatus; count: number }[]>`
      SELECT status, count(*) AS count FROM runs
      WHERE status IN ('queued', 'building', 'publishing', 'cancelling') OR created_at > now() - interval '24 hours'
      GROUP BY status`,
    sql<{ recipe: string; count: number }[]>`
      SELECT r.name AS recipe, count(b.recipe) AS count FROM recipes r LEFT JOIN backoff b ON b.recipe = r.name GROUP BY r.name`,
    sql<{ queueDepth: number; agentsConnected: number; deadLetters: number }[]>`
      SELECT (SELECT count(*) FROM jobs WHERE status = 'queued' AND unmet = 0) AS queue_depth,
        (SELECT count(*) FROM agents WHERE instance IS NOT NULL) AS agents_connected,
        (SELECT count(*) FROM events WHERE status = 'dead') AS dead_letters`,
  ]);
  return {
    runs: [...runs],
    failing: [...failing],
    queueDepth: row?.queueDepth ?? 0,
    agentsConnected: row?.agentsConnected ?? 0,
    deadLetters: row?.deadLetters ?? 0,
  };
}

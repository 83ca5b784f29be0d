import type { Database } from '../database.ts';

/** Builds as `/status` counts them: tries begun, and tries both built and published. */
export interface BuildCounts {
  attempted: number;
  succeeded: number;
}

/** A milestone is committed within this of its time; what is older is counted for good. */
const SETTLED_MINUTES = 10;

/**
 * Counts the builds of the whole farm, whichever process did them, since this process started. It counts milestones in the
 * timeline, which are committed with what they tell. Each read looks at the last minutes only, by an index that holds nothing
 * else, and adds what was counted before.
 */
export class BuildCounter {
  readonly #db: Database;
  readonly #startedMs: number;
  /** Counted for good: everything before `until`. */
  #settled: BuildCounts & { until: Date | null } = { attempted: 0, succeeded: 0, until: null };

  /** `uptimeMs`: for how long this process runs already; the database's clock says since when that is. */
  constructor(db: Database, uptimeMs = process.uptime() * 1000) {
    this.#db = db;
    this.#startedMs = performance.now() - uptimeMs;
  }

  async read(): Promise<BuildCounts> {
    const { attempted, succeeded, until } = this.#settled;
    // To the millisecond, as a Date has it, so that no milestone falls between two looks or into both.
    const since = until ?? this.#db`date_trunc('milliseconds', now() - ${this.#uptimeMs()} * interval '1 millisecond')`;
    const [row] = await this.#db<(BuildCounts & { settledAttempted: number; settledSucceeded: number; until: Date })[]>`
      WITH bounds AS MATERIALIZED (
        SELECT ${since}::timestamptz AS since,
          greatest(${since}::timestamptz, date_trunc('milliseconds', now() - ${SETTLED_MINUTES} * interval '1 minute')) AS until)
      SELECT count(t.at) FILTER (WHERE t.name = 'job.dispatched') AS attempted,
        count(t.at) FILTER (WHERE t.name = 'run.completed') AS succeeded,
        count(t.at) FILTER (WHERE t.name = 'job.dispatched' AND t.at < b.until) AS settled_attempted,
        count(t.at) FILTER (WHERE t.name = 'run.completed' AND t.at < b.until) AS settled_succeeded,
        b.until
      FROM bounds b LEFT JOIN timeline t ON t.at >= b.since
        AND (t.name = 'run.completed' OR (t.name = 'job.dispatched' AND t.detail ? 'startsBuild'))
      GROUP BY b.until`;
    if (!row) return { attempted, succeeded };
    // Of two reads at once the second may find the first one's end; both would add the same to it.
    if (this.#settled.until === until) {
      this.#settled = {
        attempted: attempted + row.settledAttempted,
        succeeded: succeeded + row.settledSucceeded,
        until: row.until,
      };
    }
    return { attempted: attempted + row.attempted, succeeded: succeeded + row.succeeded };
  }

  #uptimeMs(): number {
    return performance.now() - this.#startedMs;
  }
}

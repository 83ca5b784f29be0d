import type { Queryable, Transaction } from './database.ts';
import { LeaseTable } from './lease.ts';

/** Who looks at an upstream for a recipe. */
export const WATCH_LEASES = new LeaseTable('watches', ['recipe'], 30_000);

/** What the last look at an upstream saw, as the table keeps it. */
export interface PollRecord {
  tagsSeen: number;
  /** Tags whose versions the recipe builds. */
  matches: number;
  /** Builds asked for. */
  emitted: number;
  passedOver: number;
  error: string | null;
  durationMs: number;
  /** Looks that failed since the last good one. */
  failures: number;
  /** Whether any look at this upstream, with this pattern, ever succeeded. */
  looked: boolean;
}

/** What a recipe wants watched. */
export interface Watch {
  recipe: string;
  /** What is looked at and how tags become versions; when it changes, the next look is a first one. */
  upstream: string;
  /** Milliseconds to the next look at the most; null: only when asked. */
  pollMs: number | null;
}

/** A watch under the lease of one orchestrator: only its holder looks at the upstream and writes what it saw. */
export interface LeasedWatch {
  recipe: string;
  upstream: string;
  fence: number;
  /** The request that asked for this look, or null. */
  requestId: string | null;
  traceparent: string | null;
  lastPoll: PollRecord | null;
}

/** Makes the table hold exactly these watches. New and changed ones are due at once; the others keep their time, if it is not too far. */
export async function syncWatches(sql: Transaction, watches: readonly Watch[]): Promise<void> {
  const rows = watches.map((watch) => ({ recipe: watch.recipe, upstream: watch.upstream, poll_ms: watch.pollMs }));
  await sql`DELETE FROM watches WHERE NOT recipe = ANY(${watches.map((watch) => watch.recipe)})`;
  await sql`
    INSERT INTO watches AS w (recipe, upstream, next_poll_at)
    SELECT recipe, upstream, CASE WHEN poll_ms IS NOT NULL THEN now() END
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS n(recipe text, upstream text, poll_ms float8)
    ORDER BY recipe
    ON CONFLICT (recipe) DO UPDATE SET upstream = excluded.upstream,
      next_poll_at = CASE WHEN w.upstream <> excluded.upstream THEN excluded.next_poll_at ELSE w.next_poll_at END,
      last_poll = CASE WHEN w.upstream = excluded.upstream THEN w.last_poll END,
      last_poll_at = CASE WHEN w.upstream = excluded.upstream THEN w.last_poll_at END,
      leased_by = CASE WHEN w.upstream = excluded.upstream THEN w.leased_by END,
      fence = CASE WHEN w.upstream = excluded.upstream THEN w.fence ELSE w.fence + 1 END`;
  await sql`
    UPDATE watches w SET next_poll_at = CASE
        WHEN n.poll_ms IS NOT NULL THEN least(coalesce(w.next_poll_at, now()), now() + n.poll_ms * interval '1 millisecond')
        WHEN w.request_id IS NOT NULL THEN w.next_poll_at END
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS n(recipe text, poll_ms float8)
    WHERE w.recipe = n.recipe AND (n.poll_ms IS NULL) <> (w.next_poll_at IS NULL)
       OR w.recipe = n.recipe AND w.next_poll_at > now() + n.poll_ms * interval '1 millisecond'`;
}

/** Asks for a look at once, for a request. Returns the recipes that are watched. Publish SUBJECTS.watch after the commit. */
export async function requestPolls(
  sql: Queryable,
  recipes: readonly string[],
  request: { requestId: string; traceparent: string | null },
): Promise<string[]> {
  if (recipes.length === 0) return [];
  const asked = await sql<{ recipe: string }[]>`
    UPDATE watches SET requested_at = now(), request_id = ${request.requestId}, traceparent = ${request.traceparent}
    WHERE recipe IN (SELECT recipe FROM watches WHERE recipe = ANY(${[...recipes]}) ORDER BY recipe FOR UPDATE)
    RETURNING recipe`;
  return asked.map((row) => row.recipe);
}

/** Leases due watches of these recipes, the asked for first; with `evenIfNotDue` any of them. */
export async function leaseWatches(
  sql: Queryable,
  options: { instance: string; limit: number; recipes: readonly string[]; evenIfNotDue?: boolean },
): Promise<LeasedWatch[]> {
  const due = options.evenIfNotDue ? sql`true` : sql`(requested_at IS NOT NULL OR next_poll_at <= now())`;
  return await sql<LeasedWatch[]>`
    WITH due AS (
      SELECT recipe FROM watches w WHERE ${due} AND recipe = ANY(${[...options.recipes]}) AND ${WATCH_LEASES.isFree(sql, 'w')}
      ORDER BY requested_at NULLS LAST, next_poll_at LIMIT ${options.limit} FOR UPDATE SKIP LOCKED
    )
    ${WATCH_LEASES.lease(sql, options.instance)}
    RETURNING leased.recipe, upstream, fence, request_id, traceparent, last_poll`;
}

/** Milliseconds until the earliest watch is due, 0 when one is due now, null when none ever will be. */
export async function untilNextPoll(sql: Queryable): Promise<number | null> {
  const [row] = await sql<{ ms: number | null }[]>`
    SELECT (extract(epoch FROM min(greatest(
        CASE WHEN requested_at IS NOT NULL THEN now() ELSE next_poll_at END,
        ${WATCH_LEASES.leasedUntil(sql, 'w')})) - now()) * 1000)::float8 AS ms
    FROM watches w WHERE requested_at IS NOT NULL OR next_poll_at IS NOT NULL`;
  // Not by greatest() in SQL: that takes no row for 0, and whoever sleeps by this would never sleep.
  return row?.ms == null ? null : Math.max(0, row.ms);
}

/**
 * Ends a look in the transaction of what it found. False: the lease was lost; roll back. The request is done with,
 * unless another one came meanwhile (then the watch is due at once) or the look failed (then its retry belongs to it).
 */
export async function finishPoll(
  sql: Queryable,
  watch: LeasedWatch,
  result: { record: PollRecord /** Null: only when asked. */; nextPollInMs: number | null },
): Promise<boolean> {
  const failed = result.record.error !== null;
  const ended = await sql`
    UPDATE watches SET ${WATCH_LEASES.ended(sql)}, last_poll_at = now(),
      last_poll = ${JSON.stringify(result.record)}::text::jsonb,
      next_poll_at = now() + ${result.nextPollInMs}::float8 * interval '1 millisecond',
      requested_at = CASE WHEN request_id IS DISTINCT FROM ${watch.requestId}::uuid THEN requested_at END,
      traceparent = CASE WHEN ${failed} OR request_id IS DISTINCT FROM ${watch.requestId}::uuid THEN traceparent END,
      request_id = CASE WHEN ${failed} OR request_id IS DISTINCT FROM ${watch.requestId}::uuid THEN request_id END
    WHERE ${WATCH_LEASES.isHeld(sql, watch)}`;
  return ended.count > 0;
}

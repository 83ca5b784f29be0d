import { EVENT_POLICY, type EventName, type EventOutcome, type EventSource } from '@kiln/protocol/events.ts';
import { backoffMs } from '@kiln/service/backoff.ts';
import type { Queryable } from './database.ts';
import { LeaseTable } from './lease.ts';

/** Who routes an event. */
export const EVENT_LEASES = new LeaseTable('events', ['eventId'], EVENT_POLICY.leaseMs);

/**
 * An event that is routed, under a lease. The lease counts as an attempt from its beginning, so an event that kills its
 * holder reaches the dead-letter queue too.
 */
export interface LeasedEvent {
  eventId: string;
  requestId: string;
  source: EventSource;
  deliveryId: string;
  name: EventName;
  routingKey: string;
  payload: unknown;
  traceparent: string | null;
  receivedAt: Date;
  /** This one included. */
  attempts: number;
  fence: number;
}

/** The right to write about a leased event. */
export type EventLease = Pick<LeasedEvent, 'eventId' | 'fence'>;

/** Leases up to `limit` due events, the longest due first. Others can lease at the same time; none gets the same event. */
export async function leaseEvents(
  sql: Queryable,
  { instance, limit }: { instance: string; limit: number },
): Promise<LeasedEvent[]> {
  return await sql<LeasedEvent[]>`
    WITH due AS (
      SELECT event_id FROM events WHERE status = 'pending' AND next_attempt_at <= now()
      ORDER BY next_attempt_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
    ), leased AS (
      ${EVENT_LEASES.lease(sql, instance, sql`status = 'leased', attempts = attempts + 1`)}
      RETURNING leased.*
    )
    SELECT event_id, request_id, source, delivery_id, name, routing_key, payload, traceparent, received_at, attempts, fence
    FROM leased ORDER BY next_attempt_at`;
}

/** Ends events, in the transaction of what they became. Returns the ids of those whose lease was still held; roll back for the others. */
export async function finishEvents(
  sql: Queryable,
  finished: readonly (EventLease & { outcome: EventOutcome })[],
): Promise<string[]> {
  if (finished.length === 0) return [];
  const ended = await sql<{ eventId: string }[]>`
    UPDATE events e SET status = 'done', finished_at = now(), outcome = given.outcome, ${EVENT_LEASES.ended(sql)}
    FROM ${EVENT_LEASES.given(sql, finished, ['outcome'])} WHERE ${EVENT_LEASES.isGiven(sql, 'e')}
    RETURNING e.event_id`;
  return ended.map((row) => row.eventId);
}

/** What became of a failed attempt. `stale`: the lease was lost, nothing was written. */
export type FailedAttempt = { result: 'retry'; nextAttemptAt: Date } | { result: 'dead' } | { result: 'stale' };

/** Ends an attempt that failed: the event waits for its next one, or is dead after the last. */
export async function failEvent(
  sql: Queryable,
  event: EventLease & { attempts: number },
  error: string,
): Promise<FailedAttempt> {
  const [row] = await sql<{ status: 'pending' | 'dead'; nextAttemptAt: Date }[]>`
    UPDATE events SET ${EVENT_LEASES.ended(sql)}, last_error = ${error},
      status = CASE WHEN attempts >= ${EVENT_POLICY.attempts} THEN 'dead' ELSE 'pending' END,
      next_attempt_at = now() + ${eventBackoffMs(event.attempts)} * interval '1 millisecond',
      dlq_at = CASE WHEN attempts >= ${EVENT_POLICY.attempts} THEN clock_timestamp() END,
      dlq_reason = CASE WHEN attempts >= ${EVENT_POLICY.attempts} THEN ${`failed ${EVENT_POLICY.attempts} attempts`} END
    WHERE ${EVENT_LEASES.isHeld(sql, event)}
    RETURNING status, next_attempt_at`;
  if (!row) return { result: 'stale' };
  return row.status === 'dead' ? { result: 'dead' } : { result: 'retry', nextAttemptAt: row.nextAttemptAt };
}

/** Full jitter: anything from nothing to a bound that doubles with each failed attempt (n ≥ 1), so that retries spread out. */
export function eventBackoffMs(attempts: number, random = Math.random()): number {
  const { backoffBaseMs: firstMs, backoffCapMs: capMs } = EVENT_POLICY;
  return backoffMs(attempts, { firstMs, capMs, jitter: 1 }, random);
}

/** Gives leases back without an attempt having been made: the events are due again after `delayMs`. */
export async function returnEvents(sql: Queryable, leases: readonly EventLease[], delayMs: number): Promise<void> {
  const dueAgain = sql`
    status = 'pending', attempts = leased.attempts - 1, next_attempt_at = now() + ${delayMs} * interval '1 millisecond'`;
  await EVENT_LEASES.giveBack(sql, leases, dueAgain);
}

/** Milliseconds until the earliest waiting event is due, 0 when one is due now, null when none waits. */
export async function untilNextEvent(sql: Queryable): Promise<number | null> {
  const [row] = await sql<{ ms: number | null }[]>`
    SELECT (extract(epoch FROM min(next_attempt_at) - now()) * 1000)::float8 AS ms FROM events WHERE status = 'pending'`;
  // Not by greatest() in SQL: that takes no row for 0, and whoever sleeps by this would never sleep.
  return row?.ms == null ? null : Math.max(0, row.ms);
}

export interface ExpiredLease {
  eventId: string;
  requestId: string;
  routingKey: string;
  name: string;
  attempts: number;
  claimedBy: string;
  lastError: string;
  /** It was the last attempt. */
  dead: boolean;
}

/** Takes back leases that ran out: their holders are gone. The events are due at once, or dead after the last attempt. */
export async function expireEventLeases(sql: Queryable, limit = 1000): Promise<ExpiredLease[]> {
  return await sql<ExpiredLease[]>`
    WITH expired AS (
      SELECT event_id, leased_by FROM events e WHERE status = 'leased' AND ${EVENT_LEASES.isExpired(sql, 'e')}
      ORDER BY lease_expires_at LIMIT ${limit} FOR UPDATE SKIP LOCKED
    )
    UPDATE events e SET ${EVENT_LEASES.ended(sql)}, next_attempt_at = now(),
      last_error = 'the lease of ' || x.leased_by || ' expired',
      status = CASE WHEN attempts >= ${EVENT_POLICY.attempts} THEN 'dead' ELSE 'pending' END,
      dlq_at = CASE WHEN attempts >= ${EVENT_POLICY.attempts} THEN clock_timestamp() END,
      dlq_reason = CASE WHEN attempts >= ${EVENT_POLICY.attempts} THEN 'lease expired' END
    FROM expired x WHERE e.event_id = x.event_id
    RETURNING e.event_id, e.request_id, e.routing_key, e.name, e.attempts, x.leased_by AS claimed_by, e.last_error, e.status = 'dead' AS dead`;
}

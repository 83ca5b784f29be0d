import { randomUUID } from 'node:crypto';
import type { EventDetail } from '@kiln/protocol/api.ts';
import type { BuildPayload, EventName, EventSource, PushPayload } from '@kiln/protocol/events.ts';
import type { Queryable } from './database.ts';
import { detailColumns, type EventRow, eventDetail } from './event-detail.ts';

/** Something that may start work, as its source tells it. */
export interface NewEvent {
  source: EventSource;
  /** Unique within the source: a second event with the same one changes nothing. */
  deliveryId: string;
  name: EventName;
  /** What it is about, in a form to search for: `github:42`, `recipe:libfoo`. */
  routingKey: string;
  payload: PushPayload | BuildPayload | Record<string, unknown>;
  /** Ties it to an earlier request; a new one is made when absent. */
  requestId?: string;
  traceparent?: string | null;
}

export interface StoredEvent {
  eventId: string;
  requestId: string;
  /** The delivery was known: the ids are those of the first one. */
  duplicate: boolean;
}

/** Stores one event. Publish SUBJECTS.event after the commit. */
export async function insertEvent(sql: Queryable, event: NewEvent): Promise<StoredEvent> {
  const [stored] = await insertEvents(sql, [event]);
  if (!stored) throw new Error(`the event ${event.source} ${event.deliveryId} was not stored`);
  return stored;
}

/** Stores events in one statement, to be routed in the order given. The answers are in the same order. */
export async function insertEvents(sql: Queryable, events: readonly NewEvent[]): Promise<StoredEvent[]> {
  if (events.length === 0) return [];
  const rows = events.map((event) => ({
    event_id: randomUUID(),
    request_id: event.requestId ?? randomUUID(),
    source: event.source,
    delivery_id: event.deliveryId,
    name: event.name,
    routing_key: event.routingKey,
    payload: event.payload,
    traceparent: event.traceparent ?? null,
  }));
  // Events that are due first are leased first, so a microsecond between them keeps their order.
  const inserted = await sql<Key[]>`
    INSERT INTO events (event_id, request_id, source, delivery_id, name, routing_key, payload, traceparent, next_attempt_at)
    SELECT event_id, request_id, source, delivery_id, name, routing_key, payload, traceparent, now() + n * interval '1 microsecond'
    FROM ROWS FROM (jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
      AS (event_id uuid, request_id uuid, source text, delivery_id text, name text, routing_key text, payload jsonb, traceparent text))
      WITH ORDINALITY AS e(event_id, request_id, source, delivery_id, name, routing_key, payload, traceparent, n)
    ON CONFLICT (source, delivery_id) DO NOTHING
    RETURNING event_id, request_id, source, delivery_id`;
  const fresh = new Map(inserted.map((row) => [row.eventId, row]));
  const repeated = rows.filter((row) => !fresh.has(row.event_id));
  const first = new Map((await findDeliveries(sql, repeated)).map((row) => [`${row.source} ${row.deliveryId}`, row]));
  return rows.map((row) => {
    if (fresh.has(row.event_id)) return { eventId: row.event_id, requestId: row.request_id, duplicate: false };
    const known = first.get(`${row.source} ${row.delivery_id}`);
    if (!known) throw new Error(`the event ${row.source} ${row.delivery_id} was removed while it was stored again`);
    return { eventId: known.eventId, requestId: known.requestId, duplicate: true };
  });
}

interface Key {
  eventId: string;
  requestId: string;
  source: string;
  deliveryId: string;
}

async function findDeliveries(
  sql: Queryable,
  rows: readonly { source: string; delivery_id: string }[],
): Promise<Key[]> {
  if (rows.length === 0) return [];
  return await sql<Key[]>`
    SELECT event_id, request_id, source, delivery_id FROM events
    WHERE (source, delivery_id) IN (
      SELECT source, delivery_id FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS d(source text, delivery_id text))`;
}

/** One event for the API, or null. */
export async function getEvent(sql: Queryable, eventId: string): Promise<EventDetail | null> {
  const [row] = await sql<EventRow[]>`
    SELECT ${detailColumns(sql)} FROM events e WHERE event_id = ${eventId}`;
  return row ? eventDetail(row) : null;
}

/** The events of a request, oldest first. */
export async function listRequestEvents(sql: Queryable, requestId: string): Promise<EventDetail[]> {
  const rows = await sql<EventRow[]>`
    SELECT ${detailColumns(sql)} FROM events e WHERE request_id = ${requestId} ORDER BY received_at, next_attempt_at`;
  return rows.map(eventDetail);
}

// The dead-letter queue is no table of its own: a dead letter is an event with status `dead`, which failed each of its
// attempts. It stays until a person retries or discards it.

/**
 * The dead letters, the newest first. `before` is the id of the last one on the page before; one that is no dead letter
 * (any more) gives an empty page.
 */
export async function listDeadLetters(sql: Queryable, limit: number, before?: string): Promise<EventDetail[]> {
  const older = before
    ? sql`AND (e.dlq_at, e.event_id) < (SELECT dlq_at, event_id FROM events WHERE event_id = ${before} AND status = 'dead')`
    : sql``;
  const rows = await sql<EventRow[]>`
    SELECT ${detailColumns(sql)} FROM events e WHERE e.status = 'dead' ${older}
    ORDER BY e.dlq_at DESC, e.event_id DESC LIMIT ${limit}`;
  return rows.map(eventDetail);
}

export async function countDeadLetters(sql: Queryable): Promise<number> {
  const [row] = await sql<{ count: number }[]>`SELECT count(*) AS count FROM events WHERE status = 'dead'`;
  return row?.count ?? 0;
}

/** Gives a dead letter all of its attempts again, at once. False: it is no dead letter. Publish SUBJECTS.event afterwards. */
export async function retryDeadLetter(sql: Queryable, eventId: string): Promise<boolean> {
  const revived = await sql`
    UPDATE events SET status = 'pending', attempts = 0, next_attempt_at = now(), dlq_at = NULL, dlq_reason = NULL
    WHERE event_id = ${eventId} AND status = 'dead'`;
  return revived.count > 0;
}

/** Removes a dead letter for good. False: it is no dead letter. */
export async function discardDeadLetter(sql: Queryable, eventId: string): Promise<boolean> {
  const removed = await sql`DELETE FROM events WHERE event_id = ${eventId} AND status = 'dead'`;
  return removed.count > 0;
}

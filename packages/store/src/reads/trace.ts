import type { Trace } from '@kiln/protocol/api.ts';
import { EVENT_SOURCES } from '@kiln/protocol/events.ts';
import type { Queryable } from '../database.ts';
import { listRequestEvents } from '../events.ts';
import { readRuns } from './runs.ts';
import { readTimeline } from './timeline.ts';

/** What an id was found to name. */
interface Named {
  kind: 'request' | 'run' | 'job' | 'event' | 'delivery';
  requestId: string;
}

/** Raised when the beginning of an id fits several requests. */
export class AmbiguousIdError extends Error {
  override name = 'AmbiguousIdError';
}

/**
 * The whole story of a request, by any id of it: request, run, job, event, or a forge's delivery id; of a UUID the first
 * eight characters are enough while they fit one request only. Null when nothing has this id. Throws AmbiguousIdError.
 */
export async function readTrace(sql: Queryable, id: string): Promise<Trace | null> {
  const named = (await findByUuid(sql, id)) ?? (await findByDelivery(sql, id));
  if (!named) return null;
  const { requestId, kind } = named;
  const [events, runs, timeline] = await Promise.all([
    listRequestEvents(sql, requestId),
    readRuns(sql, sql`SELECT * FROM runs WHERE request_id = ${requestId} ORDER BY created_at DESC, run_id LIMIT 200`),
    readTimeline(sql, sql`request_id = ${requestId}`),
  ]);
  return { id, kind, requestId, events, runs, timeline };
}

async function findByUuid(sql: Queryable, id: string): Promise<Named | null> {
  const range = uuidRange(id);
  if (!range) return null;
  const { low, high } = range;
  const found = await sql<Named[]>`
    SELECT DISTINCT ON (request_id) kind, request_id FROM (
      (SELECT 'request' AS kind, request_id, 1 AS rank FROM events WHERE request_id BETWEEN ${low} AND ${high} LIMIT 100)
      UNION ALL (SELECT 'run', request_id, 2 FROM runs WHERE run_id BETWEEN ${low} AND ${high} LIMIT 100)
      UNION ALL (SELECT 'job', r.request_id, 3 FROM jobs j JOIN runs r ON r.run_id = j.run_id WHERE j.job_id BETWEEN ${low} AND ${high} LIMIT 100)
      UNION ALL (SELECT 'event', request_id, 4 FROM events WHERE event_id BETWEEN ${low} AND ${high} LIMIT 100)
      UNION ALL (SELECT 'request', request_id, 5 FROM timeline WHERE request_id BETWEEN ${low} AND ${high} LIMIT 100)
    ) AS found ORDER BY request_id, rank LIMIT 2`;
  if (found.length > 1) throw new AmbiguousIdError(`"${id}" is the beginning of more than one id; give more of it`);
  return found[0] ?? null;
}

async function findByDelivery(sql: Queryable, id: string): Promise<Named | null> {
  const [event] = await sql<{ requestId: string }[]>`
    SELECT request_id FROM events WHERE source = ANY (${[...EVENT_SOURCES]}::text[]) AND delivery_id = ${id}
    ORDER BY received_at LIMIT 1`;
  return event ? { kind: 'delivery', requestId: event.requestId } : null;
}

const UUID_SHAPE = 'xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx';

/** The lowest and the highest UUID that begin like this, or null when none can. */
function uuidRange(text: string): { low: string; high: string } | null {
  const id = text.toLowerCase();
  if (id.length < 8 || id.length > UUID_SHAPE.length) return null;
  const fits = [...id].every((char, index) => (UUID_SHAPE[index] === '-' ? char === '-' : /[0-9a-f]/.test(char)));
  if (!fits) return null;
  const rest = UUID_SHAPE.slice(id.length);
  return { low: id + rest.replaceAll('x', '0'), high: id + rest.replaceAll('x', 'f') };
}

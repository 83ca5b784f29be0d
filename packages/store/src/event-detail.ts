import type { EventDetail } from '@kiln/protocol/api.ts';
import type { EventOutcome } from '@kiln/protocol/events.ts';
import type { Queryable } from './database.ts';

/** What an event became, in words; empty until it is done. */
export function describeOutcome(outcome: EventOutcome | null): string {
  if (!outcome) return '';
  if (outcome.result === 'ignored') return `ignored: ${outcome.reason}`;
  const polled = 'recipes' in outcome ? outcome.recipes : (outcome.polled ?? []);
  const asked = polled.length > 0 ? [`asked for a poll of ${polled.join(', ')}`] : [];
  if (outcome.result === 'polled') return asked.join('');
  const created = `created ${outcome.runs.length} ${outcome.runs.length === 1 ? 'run' : 'runs'}`;
  return [created, ...asked].join(', ');
}

/** A row as `detailColumns` selects it. */
export interface EventRow {
  eventId: string;
  requestId: string;
  source: string;
  deliveryId: string;
  name: string;
  routingKey: string;
  status: EventDetail['status'];
  attempts: number;
  receivedAt: Date;
  finishedAt: Date | null;
  dlqAt: Date | null;
  dlqReason: string | null;
  lastError: string | null;
  outcome: EventOutcome | null;
  runs: string[];
}

/** The columns of an `EventRow`, from events under the alias e. */
export function detailColumns(sql: Queryable) {
  return sql`
    e.event_id, e.request_id, e.source, e.delivery_id, e.name, e.routing_key, e.status, e.attempts, e.received_at, e.finished_at,
    e.dlq_at, e.dlq_reason, e.last_error, e.outcome, ARRAY(SELECT run_id::text FROM runs r WHERE r.event_id = e.event_id) AS runs`;
}

/** The API's shape of a row. */
export function eventDetail({ outcome, ...row }: EventRow): EventDetail {
  return {
    ...row,
    receivedAt: row.receivedAt.toISOString(),
    finishedAt: row.finishedAt?.toISOString() ?? null,
    dlqAt: row.dlqAt?.toISOString() ?? null,
    outcome: describeOutcome(outcome),
  };
}

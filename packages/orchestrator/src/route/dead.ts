import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { EVENT_POLICY } from '@kiln/protocol/events.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { expireEventLeases, failEvent, type LeasedEvent } from '@kiln/store/event-leases.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { about } from './fields.ts';
import type { RouteMetrics } from './metrics.ts';

/** With the time of a scan itself, a dead holder's event is routed again within a lease and one scan interval. */
const SCAN_EVERY_MS = EVENT_POLICY.scanMs - 500;

/** Ends an attempt at an event that threw: it is tried again later, or moved to the dead-letter queue. */
export async function failAttempt(
  context: FarmContext,
  metrics: RouteMetrics,
  event: LeasedEvent,
  error: unknown,
): Promise<void> {
  const { db, log } = context;
  const message = error instanceof Error ? error.message : String(error);
  const fields = { ...about(event), name: event.name, attempts: event.attempts };
  const failed = await failEvent(db, event, message);
  if (failed.result === 'stale')
    log.warn({ ...fields, err: error }, 'event lease lost; the failed attempt was not counted');
  if (failed.result === 'retry') {
    log.warn({ ...fields, err: error, nextAttemptAt: failed.nextAttemptAt.toISOString() }, 'event attempt failed');
  }
  if (failed.result === 'dead') {
    await reportDeadLetter(context, metrics, { ...event, lastError: message }, error);
    await metrics.refreshDepth(db);
  }
}

/** Keeps the leases of the dead from holding events: the leader's scanner. */
export function startLeaseScan(context: FarmContext, metrics: RouteMetrics, isLeader: () => boolean): void {
  const { db, bus, log, lifecycle } = context;
  lifecycle.loop('event leases', { everyMs: SCAN_EVERY_MS }, async () => {
    const expired = isLeader() ? await expireEventLeases(db) : [];
    for (const lease of expired) {
      metrics.leaseExpired();
      const { name, attempts, claimedBy } = lease;
      log.warn({ ...about(lease), name, attempts, claimed_by: claimedBy }, 'event lease expired');
      if (lease.dead) await reportDeadLetter(context, metrics, lease);
    }
    if (expired.some((lease) => !lease.dead)) bus.publish(SUBJECTS.event, {});
    await metrics.refreshDepth(db);
  });
}

async function reportDeadLetter(
  { db, bus, log, service, instance }: FarmContext,
  metrics: RouteMetrics,
  event: { eventId: string; requestId: string; routingKey: string; name: string; lastError: string },
  err?: unknown,
): Promise<void> {
  const { eventId, requestId, name, lastError } = event;
  metrics.movedToDlq();
  log.error({ ...about(event), name, lastError, ...(err === undefined ? {} : { err }) }, 'Event moved to DLQ');
  bus.publish(SUBJECTS.changed, { topic: 'event', id: eventId });
  const milestone = { requestId, service, instance, name: 'event.dead', detail: { eventId } };
  await addMilestones(db, [
    { ...milestone, message: `the event ${name} was moved to the dead-letter queue: ${lastError}` },
  ]);
}

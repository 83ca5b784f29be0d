import type { LeasedEvent } from '@kiln/store/event-leases.ts';

/** The fields that every log line about an event has. */
export function about(event: Pick<LeasedEvent, 'eventId' | 'requestId' | 'routingKey'>): Record<string, string> {
  return { eventId: event.eventId, requestId: event.requestId, routingKey: event.routingKey };
}

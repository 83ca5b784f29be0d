import type { Metrics } from '@kiln/service/metrics.ts';
import type { Queryable } from '@kiln/store/database.ts';
import { countDeadLetters } from '@kiln/store/events.ts';

/** The router's metrics. The depth is read from the database, since others retry and discard too. */
export interface RouteMetrics {
  movedToDlq(): void;
  leaseExpired(): void;
  refreshDepth(db: Queryable): Promise<void>;
}

export function routeMetrics(metrics: Metrics): RouteMetrics {
  const depth = metrics.gauge('event_dlq_depth', 'Events in the dead-letter queue');
  const total = metrics.counter('event_dlq_total', 'Events moved to the dead-letter queue');
  const expirations = metrics.counter(
    'event_lease_expirations_total',
    'Leases of events that ran out because their holder was gone',
  );
  return {
    movedToDlq: () => total.inc(),
    leaseExpired: () => expirations.inc(),
    refreshDepth: async (db) => depth.set(await countDeadLetters(db)),
  };
}

import type { Metrics } from '@kiln/service/metrics.ts';
import type { Database } from '@kiln/store/database.ts';
import { countUnsealed } from '@kiln/store/logs/keeping.ts';

/** Counts what becomes of finished logs. */
export interface RetentionFigures {
  sealed(bytes: number): void;
  archived(bytes: number): void;
  expired(logs: number): void;
}

export function registerRetentionFigures(db: Database, metrics: Metrics): RetentionFigures {
  metrics.gauge('logs_unsealed', 'Logs of ended attempts that are not in a blob yet', [], async (gauge) =>
    gauge.set(await countUnsealed(db)),
  );
  const sealed = metrics.counter('logs_sealed_total', 'Logs put into one blob each');
  const sealedBytes = metrics.counter('logs_sealed_bytes_total', 'Bytes of the blobs that logs were sealed into');
  const archived = metrics.counter('logs_archived_total', 'Logs packed tighter for the archive');
  const archivedBytes = metrics.counter('logs_archived_bytes_total', 'Bytes of the blobs in the archive of logs');
  const expired = metrics.counter('logs_expired_total', 'Logs removed because of their age');
  return {
    sealed: (bytes) => {
      sealed.inc();
      sealedBytes.inc(bytes);
    },
    archived: (bytes) => {
      archived.inc();
      archivedBytes.inc(bytes);
    },
    expired: (logs) => expired.inc(logs),
  };
}

import type { ResolvedConfig } from '@kiln/service/config.ts';
import type { Lifecycle } from '@kiln/service/lifecycle.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { Metrics } from '@kiln/service/metrics.ts';
import type { BlobStore } from './blobs/blob-store.ts';
import type { Bus } from './bus/bus.ts';
import type { Database } from './database.ts';
import type { LogStore } from './logs/log-store.ts';

/** What a tier is handed at its start. No part of it asks which mode the process runs in: the right one is in here. */
export interface FarmContext {
  config: ResolvedConfig;
  log: Logger;
  db: Database;
  bus: Bus;
  blobs: BlobStore;
  /** The one way to read logs. */
  logs: LogStore;
  lifecycle: Lifecycle;
  metrics: Metrics;
  /** `platform`, `orchestrator`, or what the process is called in its log. */
  service: string;
  /** Name of this process among its peers; new at every start, so that a lease never passes to a namesake. */
  instance: string;
}

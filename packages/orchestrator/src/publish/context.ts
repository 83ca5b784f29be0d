import type { Database } from '@kiln/store/database.ts';

/** Where warnings about a repository go. */
export interface PublishLog {
  warn(fields: object, message: string): void;
}

/** What publishing needs of the farm's context. */
export interface PublishContext {
  config: { dataDir: string; repositoriesDir: string; stagingDir: string };
  db: Database;
  log: PublishLog;
}

import type { ResolvedConfig } from '@kiln/service/config.ts';
import type { BlobStore } from '@kiln/store/blobs/blob-store.ts';
import type { Database } from '@kiln/store/database.ts';

/** Where warnings about a repository go. */
export interface PublishLog {
  warn(fields: object, message: string): void;
}

/** What publishing needs of the farm's context. */
export interface PublishContext {
  config: Pick<ResolvedConfig, 'dataDir' | 'repositoriesDir' | 'repositoriesBucket' | 's3' | 'stagingDir'>;
  db: Database;
  blobs: BlobStore;
  log: PublishLog;
}

import type { ResolvedConfig } from '@kiln/service/config.ts';
import type { BlobStore } from '@kiln/store/blobs/blob-store.ts';
import type { Database } from '@kiln/store/database.ts';

/** Where what is to be told about a repository goes. */
export interface PublishLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What publishing needs of the farm's context. */
export interface PublishContext {
  config: Pick<ResolvedConfig, 'dataDir' | 'repositoriesDir' | 'repositoriesBucket' | 's3' | 'stagingDir'>;
  db: Database;
  blobs: BlobStore;
  log: PublishLog;
}

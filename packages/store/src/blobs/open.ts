import type { ResolvedConfig } from '@kiln/service/config.ts';
import type { BlobStore } from './blob-store.ts';
import { FolderBlobs } from './folder.ts';
import { S3Blobs } from './s3.ts';

/** Opens the place of blobs that the configuration names. Nothing is asked of a bucket yet. */
export async function openBlobs({ blobs, s3 }: Pick<ResolvedConfig, 'blobs' | 's3'>): Promise<BlobStore> {
  if ('bucket' in blobs) return new S3Blobs(s3, blobs.bucket);
  const folder = new FolderBlobs(blobs.folder);
  await folder.removeLeftovers();
  return folder;
}

import { unknownKeys } from '@kiln/store/logs/keeping.ts';
import { BLOB_KEY, type RetentionContext, removeBlob } from './work.ts';

/** A blob younger than this may be one that somebody is about to record. */
const GRACE_MS = 24 * 3_600_000;
const BATCH = 500;

/**
 * Removes blobs of logs that no row names: written by a process that was killed before it recorded them, or of a job that
 * was removed. Returns how many.
 */
export async function sweepOrphans(
  context: RetentionContext,
  signal: AbortSignal,
  graceMs = GRACE_MS,
): Promise<number> {
  let removed = 0;
  let keys: string[] = [];
  const sweep = async () => {
    const orphans = await unknownKeys(context.db, keys);
    for (const key of orphans) await removeBlob(context, key);
    removed += orphans.length;
    keys = [];
  };
  for (const prefix of ['logs/', 'archive/']) {
    for await (const { key, modifiedAt } of context.blobs.list(prefix)) {
      if (signal.aborted) return removed;
      if (!BLOB_KEY.test(key) || Date.now() - modifiedAt.getTime() < graceMs) continue;
      keys.push(key);
      if (keys.length === BATCH) await sweep();
    }
  }
  await sweep();
  return removed;
}

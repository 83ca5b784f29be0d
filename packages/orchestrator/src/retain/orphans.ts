import type { Queryable } from '@kiln/store/database.ts';
import { unknownKeys } from '@kiln/store/logs/keeping.ts';
import { unknownStagedKeys } from '@kiln/store/runs/staged-outputs.ts';
import { STAGED_KEY, STAGING } from '../publish/staged.ts';
import { BLOB_KEY, type RetentionContext, removeBlob } from './work.ts';

/** A blob younger than this may be one that somebody is about to record. */
const GRACE_MS = 24 * 3_600_000;
const BATCH = 500;

/** Blobs of one kind: where they lie, which keys are of it, and which of some keys no row names. */
interface BlobKind {
  prefixes: readonly string[];
  pattern: RegExp;
  unknown(sql: Queryable, keys: readonly string[]): Promise<string[]>;
}

export const LOG_BLOBS: BlobKind = { prefixes: ['logs/', 'archive/'], pattern: BLOB_KEY, unknown: unknownKeys };
export const STAGED_BLOBS: BlobKind = { prefixes: [STAGING], pattern: STAGED_KEY, unknown: unknownStagedKeys };

/**
 * Removes blobs that no row names: written by a process that was killed before it recorded them, or of a job that was
 * removed. Returns how many.
 */
export async function sweepOrphans(
  context: RetentionContext,
  { prefixes, pattern, unknown }: BlobKind,
  signal: AbortSignal,
  graceMs = GRACE_MS,
): Promise<number> {
  let removed = 0;
  let keys: string[] = [];
  const sweep = async () => {
    const orphans = await unknown(context.db, keys);
    for (const key of orphans) await removeBlob(context, key);
    removed += orphans.length;
    keys = [];
  };
  for (const prefix of prefixes) {
    for await (const { key, modifiedAt } of context.blobs.list(prefix)) {
      if (signal.aborted) return removed;
      if (!pattern.test(key) || Date.now() - modifiedAt.getTime() < graceMs) continue;
      keys.push(key);
      if (keys.length === BATCH) await sweep();
    }
  }
  await sweep();
  return removed;
}

import { type HeldLog, LogLeaseLost, leaseLog, recordSealed } from '@kiln/store/logs/keeping.ts';
import { liveFrames } from '@kiln/store/logs/live-log.ts';
import { SEAL_LEVEL, type SealedLog, sealLog } from '@kiln/store/logs/seal-log.ts';
import type { RetentionFigures } from './figures.ts';
import { blobKey, type Outcome, type RetentionContext, removeBlob, workOn } from './work.ts';

/**
 * Seals the log of the attempt that ended first of those that wait: its frames become one blob, which is read back before
 * they go. Killed at any point, the next one does it anew. Null when none waits.
 */
export async function sealNext(
  context: RetentionContext,
  count: RetentionFigures,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const held = await leaseLog(context.db, context.instance, 'live', 0);
  if (!held) return null;
  return await workOn(context, held, signal, async () => {
    if (held.lines === 0) return await recordSealed(context.db, held, null);
    const sealed = await seal(context, held, signal);
    await commit(context, sealed, async () => await recordSealed(context.db, held, sealed));
    count.sealed(sealed.bytes);
    const { jobId, attempt, lines } = held;
    context.log.debug({ jobId, attempt, lines, textBytes: sealed.textBytes, bytes: sealed.bytes }, 'log sealed');
  });
}

async function seal(context: RetentionContext, held: HeldLog, signal: AbortSignal): Promise<SealedLog> {
  const { jobId, attempt } = held;
  const key = blobKey('logs', held);
  const frames = liveFrames(context.db, jobId, held, 1);
  try {
    return await sealLog(context.blobs, { jobId, attempt, key, level: SEAL_LEVEL, signal }, frames);
  } catch (error) {
    await removeBlob(context, key);
    throw error;
  }
}

/**
 * Records a blob that is written and checked. It is removed when somebody else has the log now; when the database did not
 * answer it stays, since the transaction may have been committed.
 */
export async function commit(
  context: RetentionContext,
  { key }: SealedLog,
  record: () => Promise<void>,
): Promise<void> {
  try {
    await record();
  } catch (error) {
    if (error instanceof LogLeaseLost) await removeBlob(context, key);
    throw error;
  }
}

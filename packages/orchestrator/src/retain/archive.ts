import { type HeldLog, leaseLog, recordArchived } from '@kiln/store/logs/keeping.ts';
import { UnsealableLog } from '@kiln/store/logs/pack-frames.ts';
import { ARCHIVE_LEVEL, type SealedLog, sealLog } from '@kiln/store/logs/seal-log.ts';
import { SealedLogs } from '@kiln/store/logs/sealed-log.ts';
import type { SealedBlob } from '@kiln/store/logs/standing.ts';
import type { RetentionFigures } from './figures.ts';
import { commit } from './seal.ts';
import { blobKey, type Outcome, type RetentionContext, removeBlob, workOn } from './work.ts';

/**
 * Packs the oldest sealed log whose attempt ended `ageMs` ago or longer into a smaller blob of the same format. The one
 * before goes when the new one was read back and has the same text. Null when there is none to do.
 */
export async function archiveNext(
  context: RetentionContext,
  count: RetentionFigures,
  ageMs: number,
  signal: AbortSignal,
): Promise<Outcome | null> {
  const held = await leaseLog(context.db, context.instance, 'sealed', ageMs);
  if (!held) return null;
  return await workOn(context, held, signal, async () => {
    const { blob } = held;
    if (!blob) return await recordArchived(context.db, held, null);
    const archived = await archive(context, held, blob, signal);
    await commit(context, archived, async () => await recordArchived(context.db, held, archived));
    await removeBlob(context, blob.key);
    count.archived(archived.bytes);
    const { jobId, attempt, lines } = held;
    context.log.debug({ jobId, attempt, lines, before: blob.bytes, bytes: archived.bytes }, 'log archived');
  });
}

async function archive(
  context: RetentionContext,
  held: HeldLog,
  blob: SealedBlob,
  signal: AbortSignal,
): Promise<SealedLog> {
  const { jobId, attempt, lines, sha256 } = held;
  const key = blobKey('archive', held);
  const frames = new SealedLogs(context.blobs).frames(blob, 1, lines);
  try {
    const archived = await sealLog(context.blobs, { jobId, attempt, key, level: ARCHIVE_LEVEL, signal }, frames);
    if (archived.sha256 !== sha256)
      throw new UnsealableLog(`the text in ${blob.key} has SHA-256 ${archived.sha256}, not ${sha256}`);
    return archived;
  } catch (error) {
    await removeBlob(context, key);
    throw error;
  }
}

import { backoffMs } from '@kiln/service/backoff.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { type HeldLog, LOG_LEASES, LogLeaseLost, releaseLog } from '@kiln/store/logs/keeping.ts';
import { UnsealableLog } from '@kiln/store/logs/pack-frames.ts';

/** What sealing and archiving need of the farm's context. */
export type RetentionContext = Pick<FarmContext, 'db' | 'blobs' | 'log' | 'instance'>;

/** How work on one log ended; `failed` is the reason, and worth a pause before the next log. */
export type Outcome = 'done' | 'refused' | { failed: string };

/** The waits of a log that can't be moved. */
const BACKOFF = { firstMs: 10_000, capMs: 600_000, jitter: 0 };

/**
 * Works on a leased log, keeping the lease meanwhile. What fails is tried again later; a log that can't be put together
 * stays as it is, is told once and keeps nobody waiting. Throws only when the database does not answer.
 */
export async function workOn(
  context: RetentionContext,
  held: HeldLog,
  signal: AbortSignal,
  work: () => Promise<void>,
): Promise<Outcome> {
  const { db, log } = context;
  const fields = { jobId: held.jobId, attempt: held.attempt };
  try {
    await LOG_LEASES.keepWhile(db, [held], work, (err) =>
      log.debug({ ...fields, err }, 'the lease of a log was not renewed'),
    );
    return 'done';
  } catch (err) {
    if (err instanceof LogLeaseLost) return 'done';
    if (signal.aborted) {
      await releaseLog(db, held, null);
      return 'done';
    }
    const error = err instanceof Error ? err.message : String(err);
    const final = err instanceof UnsealableLog;
    await releaseLog(db, held, { error, againMs: final ? null : backoffMs(held.failures + 1, BACKOFF) });
    if (final) log.error({ ...fields, error }, 'a log can not be moved and stays where it is');
    else log.debug({ ...fields, err }, 'a log could not be moved');
    return final ? 'refused' : { failed: error };
  }
}

/**
 * The blob of a log under a lease. Every lease writes a key of its own, so that nobody who lost one can change a blob that
 * is in use. `folder` is `logs` or `archive`.
 */
export function blobKey(folder: 'logs' | 'archive', { jobId, attempt, fence }: HeldLog): string {
  return `${folder}/${jobId}/${attempt}-${fence}.klog.zst`;
}

/** What `blobKey` makes: nothing else of the blobs is touched. */
export const BLOB_KEY = /^(?:logs|archive)\/[0-9a-f-]{36}\/\d+-\d+\.klog\.zst$/;

/** Removes a blob that no row names. When that fails the sweep of orphans does it later. */
export async function removeBlob({ blobs, log }: RetentionContext, key: string): Promise<void> {
  try {
    await blobs.remove(key);
  } catch (err) {
    log.debug({ key, err }, 'a blob was not removed');
  }
}

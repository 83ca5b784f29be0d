import { expireLogs } from '@kiln/store/logs/keeping.ts';
import type { RetentionFigures } from './figures.ts';
import { type RetentionContext, removeBlob } from './work.ts';

/** Logs removed in one transaction. */
const BATCH = 100;

/** Removes the logs of attempts that ended `ageMs` ago or longer. Returns how many. */
export async function expireOld(
  context: RetentionContext,
  count: RetentionFigures,
  ageMs: number,
  signal: AbortSignal,
): Promise<number> {
  let removed = 0;
  while (!signal.aborted) {
    const gone = await expireLogs(context.db, ageMs, BATCH);
    for (const { key } of gone) if (key !== null) await removeBlob(context, key);
    removed += gone.length;
    count.expired(gone.length);
    if (gone.length < BATCH) break;
  }
  return removed;
}

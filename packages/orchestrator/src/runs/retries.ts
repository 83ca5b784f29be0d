import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { dueRetries, retryRun, untilNextRetry } from '@kiln/store/runs/retries.ts';

/** The longest sleep: a retry that another process wrote down is found within this. */
const EVERY_MS = 5_000;

/** Puts failed runs back into the queue when their time has come. */
export function startRetries(context: FarmContext): void {
  const { db, bus, lifecycle, log } = context;
  const wake = (wakeUp: () => void) => bus.subscribe(SUBJECTS.retry, wakeUp);
  const nextDueMs = async () => await untilNextRetry(db);
  lifecycle.loop('retries', { everyMs: EVERY_MS, nextDueMs, wake }, async () => {
    for (const { runId, ...run } of await dueRetries(db)) {
      const change = await db.begin(async (sql) => await retryRun(sql, runId));
      if (!change.ok) continue;
      log.info({ runId, ...run, status: change.status }, 'retry is due');
      bus.publish(change.status === 'publishing' ? SUBJECTS.publish : SUBJECTS.queue, {});
      bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
    }
  });
}

import { SUBJECTS } from '@kiln/protocol/live.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { dueRetries, retryRun, untilNextRetry } from '@kiln/store/runs/retries.ts';

/** The longest sleep: a retry that another process wrote down is found within this. */
const EVERY_MS = 5_000;

/** Puts failed runs back into the queue when their time has come: a timer for the next one, and a look now and then. */
export function startRetries(context: FarmContext): void {
  const { db, bus, lifecycle, log } = context;
  let timer: NodeJS.Timeout | undefined;
  let ring: () => void = () => {};
  lifecycle.onStop('retry timer', async () => clearTimeout(timer));
  const wake = (awaken: () => void) => {
    ring = awaken;
    return bus.subscribe(SUBJECTS.retry, awaken);
  };
  lifecycle.loop('retries', { everyMs: EVERY_MS, wake }, async () => {
    for (const { runId, ...run } of await dueRetries(db)) {
      const change = await db.begin(async (sql) => await retryRun(sql, runId));
      if (!change.ok) continue;
      log.info({ runId, ...run, status: change.status }, 'retry is due');
      bus.publish(change.status === 'publishing' ? SUBJECTS.publish : SUBJECTS.queue, {});
      bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
    }
    const ms = (await untilNextRetry(db)) ?? EVERY_MS;
    clearTimeout(timer);
    if (ms < EVERY_MS) timer = setTimeout(() => ring(), Math.max(ms, 0) + 1);
  });
}

import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { retryRun } from '@kiln/store/runs.ts';

/** The longest sleep: a retry that another process wrote down is found within this. */
const EVERY_MS = 5_000;

/** Puts failed runs back into the queue when their time has come. */
export function startRetries(context: FarmContext): void {
  const { db, bus, lifecycle, log } = context;
  const wake = (wakeUp: () => void) => bus.subscribe(SUBJECTS.retry, wakeUp);
  const nextDueMs = async () => {
    const [next] = await db<
      { ms: number | null }[]
    >`SELECT extract(epoch FROM min(retry_at) - now()) * 1000 AS ms FROM runs WHERE retry_at IS NOT NULL AND status = 'failed'`;
    return next?.ms == null ? null : Number(next.ms);
  };
  lifecycle.loop('retries', { everyMs: EVERY_MS, nextDueMs, wake }, async () => {
    const due = await db<{ runId: string; recipe: string; version: string; requestId: string }[]>`
      SELECT run_id, recipe, version, request_id FROM runs WHERE retry_at <= now() AND status = 'failed' ORDER BY retry_at LIMIT 100`;
    for (const { runId, ...run } of due) {
      const change = await db.begin(async (sql) => await retryRun(sql, runId));
      if (!change.ok) continue;
      log.info({ runId, ...run, status: change.status }, 'retry is due');
      bus.publish(change.status === 'publishing' ? SUBJECTS.publish : SUBJECTS.queue, {});
      bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
    }
  });
}

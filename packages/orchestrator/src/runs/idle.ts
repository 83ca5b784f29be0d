import { setTimeout as sleep } from 'node:timers/promises';
import type { FarmContext } from '@kiln/store/context.ts';

/** Settles when no event waits to be routed and no run is under way. Runs that wait for a later retry count as done. */
export async function untilIdle({ db, lifecycle }: FarmContext): Promise<void> {
  for (;;) {
    const [left] = await db<{ open: number }[]>`
      SELECT (SELECT count(*) FROM events WHERE status IN ('pending', 'leased'))
           + (SELECT count(*) FROM runs WHERE status IN ('queued', 'building', 'publishing', 'cancelling')) AS open`;
    if (left?.open === 0) return;
    await sleep(100, undefined, { signal: lifecycle.signal });
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { FarmContext } from '@kiln/store/context.ts';
import { isIdle } from '@kiln/store/runs/idle.ts';

/** Settles when no event waits to be routed and no run is under way. Runs that wait for a later retry count as done. */
export async function untilIdle({ db, lifecycle }: FarmContext): Promise<void> {
  while (!(await isIdle(db))) await sleep(100, undefined, { signal: lifecycle.signal });
}

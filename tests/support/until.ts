import { setTimeout as sleep } from 'node:timers/promises';

/** How long a test waits for what must come: long enough for a machine on which everything else runs as well. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 20;

/**
 * Waits until `check` gives something other than undefined, null or false, and returns that. What `check` throws ends the
 * waiting. Throws with `what`, which may be made when it is needed, after `withinMs`.
 */
export async function until<T>(
  what: string | (() => string),
  check: () => T | Promise<T>,
  withinMs = PATIENCE_MS,
): Promise<Exclude<T, undefined | null | false>> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await check();
    if (found !== undefined && found !== null && found !== false) {
      return found as Exclude<T, undefined | null | false>;
    }
    if (Date.now() > deadline)
      throw new Error(`after ${withinMs} ms still not: ${typeof what === 'string' ? what : what()}`);
    await sleep(PAUSE_MS);
  }
}

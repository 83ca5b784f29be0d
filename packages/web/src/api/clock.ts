/**
 * One clock for the whole page: it ticks once a second while somebody looks, and it runs by the farm's time, so that a
 * wrong clock on this machine does not make builds look as if they began in the future.
 */

/** Below this the two clocks agree as well as whole seconds and the way over the network let us know. */
const TOLERANCE_MS = 3000;

let skewMs = 0;
let tick = Date.now();
let timer: ReturnType<typeof setInterval> | null = null;
const listeners = new Set<() => void>();

/** Takes the time of an answer's `Date` header. */
export function noteFarmTime(header: string | null): void {
  if (header === null) return;
  const difference = Date.parse(header) + 500 - Date.now();
  if (Number.isNaN(difference)) return;
  skewMs = Math.abs(difference) > TOLERANCE_MS ? difference : 0;
}

/** Milliseconds since the epoch by the farm's clock. */
export function farmNow(): number {
  return Date.now() + skewMs;
}

/** The last whole tick, for `useSyncExternalStore`. */
export function lastTick(): number {
  return tick;
}

/** Calls `listener` every second until the returned function is called. */
export function onTick(listener: () => void): () => void {
  listeners.add(listener);
  if (timer === null) {
    tick = farmNow();
    timer = setInterval(() => {
      tick = farmNow();
      for (const each of listeners) each();
    }, 1000);
  }
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || timer === null) return;
    clearInterval(timer);
    timer = null;
  };
}

const FIRST_MS = 1000;
const FACTOR = 1.5;
const CAP_MS = 30_000;

/** Wait before the n-th try to reconnect (n ≥ 1): 1 s, growing by half to 30 s, with jitter so that pages do not return in step. */
export function reconnectDelay(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(CAP_MS, FIRST_MS * FACTOR ** (Math.max(1, attempt) - 1));
  return Math.round(full * (0.7 + 0.3 * random()));
}

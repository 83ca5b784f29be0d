import { backoffMs } from '@kiln/service/backoff.ts';

const BACKOFF = { firstMs: 1_000, factor: 1.5, capMs: 30_000, jitter: 0.3 };

/** Wait before the n-th try to reconnect (n ≥ 1): 1 s, growing by half to 30 s, with jitter so that pages do not return in step. */
export function reconnectDelay(attempt: number, random: () => number = Math.random): number {
  return Math.round(backoffMs(attempt, BACKOFF, random()));
}

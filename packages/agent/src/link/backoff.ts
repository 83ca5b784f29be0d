import { backoffMs } from '@kiln/service/backoff.ts';

const AT_ONCE_MS = 100;
const BACKOFF = { firstMs: 1_000, factor: 1.5, capMs: 60_000, jitter: 1 };
const LEAST_MS = 50;

/**
 * How long to wait after the n-th failure in a row (from 0) before the next try: first a moment, so that a restarted
 * orchestrator is found at once; then 1 s, growing by half up to a minute, each wait anything up to that (full jitter),
 * so that many agents do not come back together.
 */
export function retryDelayMs(failures: number, random = Math.random()): number {
  if (failures <= 0) return AT_ONCE_MS * (0.5 + random);
  return Math.max(LEAST_MS, backoffMs(failures, BACKOFF, random));
}

const FIRST_MS = 100;
const BASE_MS = 1000;
const FACTOR = 1.5;
const CAP_MS = 60_000;
const LEAST_MS = 50;

/**
 * How long to wait after the n-th failure in a row (from 0) before the next try: first a moment, so that a restarted
 * orchestrator is found at once; then 1 s, growing by half up to a minute, each wait anything up to that (full jitter),
 * so that many agents do not come back together.
 */
export function retryDelayMs(failures: number, random = Math.random()): number {
  if (failures <= 0) return FIRST_MS * (0.5 + random);
  return Math.max(LEAST_MS, random * Math.min(CAP_MS, BASE_MS * FACTOR ** Math.min(failures - 1, 60)));
}

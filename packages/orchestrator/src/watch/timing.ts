import { backoffMs } from '@kiln/service/backoff.ts';

/** What a recipe that is never polled by the clock waits at most after a look that failed. */
const LONGEST_RETRY_MS = 15 * 60_000;
const FIRST_RETRY_MS = 5_000;

/** The wait between two looks: `pollMs`, longer or shorter by up to the part `jitter` of it. */
export function pollDelayMs(pollMs: number, jitter: number, random = Math.random()): number {
  return pollMs * (1 + jitter * (2 * random - 1));
}

/** The wait after the n-th failed look in a row (n ≥ 1): doubling, never longer than `pollMs`, the later half of it by chance. */
export function retryDelayMs(failures: number, pollMs: number | null, random = Math.random()): number {
  return backoffMs(failures, { firstMs: FIRST_RETRY_MS, capMs: pollMs ?? LONGEST_RETRY_MS }, random);
}

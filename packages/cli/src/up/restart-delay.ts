import { backoffMs } from '@kiln/service/backoff.ts';

const BACKOFF = { firstMs: 100, capMs: 30_000, jitter: 0 };
/** Each time it lived this long makes up for one death before. */
const FORGIVEN_MS = 5000;

/** How long to wait before the n-th restart in a row (n ≥ 1): almost nothing at first, doubling to half a minute. */
export function restartDelayMs(deaths: number): number {
  return backoffMs(deaths, BACKOFF);
}

/**
 * Which death in a row this one is, after `before` of them: one that dies at once is started ever later, one that works for a
 * while between its deaths is soon back each time.
 */
export function deathsInARow(before: number, livedMs: number): number {
  return Math.max(0, before - Math.floor(livedMs / FORGIVEN_MS)) + 1;
}

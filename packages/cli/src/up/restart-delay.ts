const FIRST_MS = 100;
const LONGEST_MS = 30_000;

/** How long to wait before the n-th restart in a row (n ≥ 1): almost nothing at first, doubling to half a minute. */
export function restartDelayMs(deaths: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(deaths - 1, 20));
}

/** The times of reporting, in milliseconds. */
export interface Timing {
  /** A look without a hint: finds what a lost hint told about, and what waited. */
  everyMs: number;
  /** Hints that come within this time lead to one look, in which a run that changed twice is told about once. */
  gatherMs: number;
  /** A look at all failed runs, for one that was tried again by hand and ended between two other looks. */
  thoroughMs: number;
  /** For a whole exchange with a forge. */
  timeoutMs: number;
  /** The wait after a first trouble; it doubles with each further one. */
  firstBackoffMs: number;
}

export const TIMING: Timing = {
  everyMs: 10_000,
  gatherMs: 500,
  thoroughMs: 60_000,
  timeoutMs: 10_000,
  firstBackoffMs: 5_000,
};

const LONGEST_BACKOFF_MS = 300_000;

/** How long to wait after the n-th trouble in a row (n ≥ 1), with jitter, so that many do not return together. */
export function backoffMs(n: number, firstMs: number, random: number = Math.random()): number {
  return Math.min(LONGEST_BACKOFF_MS, firstMs * 2 ** Math.min(n - 1, 20)) * (0.5 + random / 2);
}

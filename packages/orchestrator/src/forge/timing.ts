import { backoffMs } from '@kiln/service/backoff.ts';

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

/** How long a forge, or a report, is left alone after the n-th trouble in a row (n ≥ 1), in milliseconds. */
export function pauseMs(troubles: number, firstMs: number): number {
  return backoffMs(troubles, { firstMs, capMs: LONGEST_BACKOFF_MS });
}

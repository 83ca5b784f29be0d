/** How the waits between tries grow. Nothing is imported here: the dashboard uses this file in the browser too. */
export interface Backoff {
  /** The longest wait after a first failure, in milliseconds. */
  firstMs: number;
  /** No wait is longer than this, in milliseconds. */
  capMs: number;
  /** What each further failure multiplies the wait by. Default 2. */
  factor?: number;
  /**
   * How much of a wait is left to chance, from 0 (none) to 1 (all of it), so that many that failed together do not return
   * together. Default 0.5.
   */
  jitter?: number;
}

/** Beyond this many failures no wait grows: a power of it is still a number. */
const MOST_DOUBLINGS = 60;

/** How long to wait after the n-th failure in a row (n ≥ 1), in milliseconds. `random` is in [0, 1). */
export function backoffMs(
  failures: number,
  { firstMs, capMs, factor = 2, jitter = 0.5 }: Backoff,
  random = Math.random(),
): number {
  const longest = Math.min(capMs, firstMs * factor ** Math.min(Math.max(failures - 1, 0), MOST_DOUBLINGS));
  return longest * (1 - jitter + jitter * random);
}

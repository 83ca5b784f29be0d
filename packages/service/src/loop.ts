import { backoffMs } from './backoff.ts';
import type { Logger } from './log.ts';

export interface LoopOptions {
  /** The longest pause between the end of one round and the start of the next, in milliseconds. */
  everyMs: number;
  /**
   * In how many milliseconds something is due, or null when nothing is known to be. Asked after each round that succeeded; what
   * is due before the pause is over ends it. An error counts as one of the round.
   */
  nextDueMs?: () => number | null | Promise<number | null>;
  /** Is given what ends the pause, and returns what unsubscribes it. Woken during a round, the loop runs once more. */
  wake?: (wake: () => void) => () => void;
  /** How long after being woken the round begins, so that many wakes lead to one. Default 0: at once. */
  gatherMs?: number;
  /** A round lasts as long as there is something to do, so a long one is no sign that the loop is stuck. Default false. */
  unbounded?: boolean;
}
export type LoopWork = (signal: AbortSignal) => Promise<void>;

/** How a loop is. Times are milliseconds since the epoch. */
export interface LoopState {
  name: string;
  everyMs: number;
  /** Whether a round may last as long as it likes. */
  unbounded: boolean;
  /** When the round under way began, or null between rounds. */
  runningSince: number | null;
  lastSuccessAt: number | null;
  /** Rounds that failed since the last success. */
  failures: number;
  lastError: string | null;
}

const FIRST_BACKOFF_MS = 200;
const LONGEST_BACKOFF_MS = 30_000;
/** A loop with a very short pause still may not fail more often than this allows. */
const SHORTEST_CAP_MS = 1000;

/** How long to wait after the n-th failure in a row: doubling, with jitter, so that many loops do not return together. */
export function loopBackoffMs(failures: number, everyMs: number, random = Math.random()): number {
  const capMs = Math.max(SHORTEST_CAP_MS, Math.min(everyMs, LONGEST_BACKOFF_MS));
  return backoffMs(failures, { firstMs: FIRST_BACKOFF_MS, capMs }, random);
}

/** One supervised loop. It begins when it is made and ends after the signal is aborted. */
export class Loop {
  readonly name: string;
  /** Settles after the last round; never rejects. */
  readonly ended: Promise<void>;
  readonly #options: LoopOptions;
  readonly #work: LoopWork;
  readonly #signal: AbortSignal;
  readonly #state: LoopState;
  readonly #log: Logger;
  #isWoken = false;
  /** When the pause ends by itself, on the clock of `performance.now()`; null outside of a pause. */
  #pauseEndsAt: number | null = null;
  #endPause: (() => void) | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(name: string, options: LoopOptions, work: LoopWork, signal: AbortSignal, log: Logger) {
    this.name = name;
    this.#options = options;
    this.#work = work;
    this.#signal = signal;
    this.#log = log;
    this.#state = {
      name,
      everyMs: options.everyMs,
      unbounded: options.unbounded ?? false,
      runningSince: null,
      lastSuccessAt: null,
      failures: 0,
      lastError: null,
    };
    const unsubscribe = options.wake?.(() => this.#wake());
    this.ended = this.#run().finally(unsubscribe);
  }

  state(): LoopState {
    return { ...this.#state };
  }

  async #run(): Promise<void> {
    while (!this.#signal.aborted) {
      this.#isWoken = false;
      const pauseMs = await this.#round();
      await this.#pause(pauseMs);
    }
  }

  /** Does the work once and returns how long to pause after it. */
  async #round(): Promise<number> {
    const state = this.#state;
    const { everyMs, gatherMs = 0, nextDueMs } = this.#options;
    state.runningSince = Date.now();
    try {
      // Lets the caller of loop() finish its own turn before the first round.
      await null;
      await this.#work(this.#signal);
      const dueMs = this.#signal.aborted ? null : ((await nextDueMs?.()) ?? null);
      state.lastSuccessAt = Date.now();
      state.failures = 0;
      state.lastError = null;
      // A timer may fire a moment early, when nothing would be due yet.
      const pauseMs = dueMs === null ? everyMs : Math.min(everyMs, Math.max(0, dueMs) + 1);
      return this.#isWoken ? Math.min(gatherMs, pauseMs) : pauseMs;
    } catch (error) {
      if (this.#signal.aborted) return 0;
      state.failures += 1;
      state.lastError = error instanceof Error ? error.message : String(error);
      this.#log.error({ err: error, loop: this.name, failures: state.failures }, 'a loop failed and will try again');
      return loopBackoffMs(state.failures, everyMs);
    } finally {
      state.runningSince = null;
    }
  }

  /** While it backs off a wake waits too, or many of them would turn a fault into a storm. */
  #wake(): void {
    if (this.#isWoken) return;
    this.#isWoken = true;
    if (this.#state.failures > 0 || this.#pauseEndsAt === null) return;
    const { gatherMs = 0 } = this.#options;
    if (gatherMs === 0) {
      this.#endPause?.();
    } else if (gatherMs < this.#pauseEndsAt - performance.now()) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#endPause?.(), gatherMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    if (this.#signal.aborted || ms <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#pauseEndsAt = performance.now() + ms;
    const end = () => resolve();
    this.#endPause = end;
    this.#timer = setTimeout(end, ms);
    this.#signal.addEventListener('abort', end);
    await promise;
    this.#signal.removeEventListener('abort', end);
    clearTimeout(this.#timer);
    this.#pauseEndsAt = null;
    this.#endPause = null;
  }
}

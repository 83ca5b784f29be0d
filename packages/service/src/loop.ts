import type { Logger } from './log.ts';

export interface LoopOptions {
  /** Pause between the end of one round and the start of the next, in milliseconds. */
  everyMs: number;
  /** Gets the bell of this loop; returns what takes the bell back. A ring ends the pause. */
  wake?: (ring: () => void) => () => void;
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
  const cap = Math.max(SHORTEST_CAP_MS, Math.min(everyMs, LONGEST_BACKOFF_MS));
  return Math.min(cap, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 1, 20)) * (0.5 + random / 2);
}

/** One supervised loop. It begins when it is made and ends after the signal is aborted. */
export class Loop {
  readonly name: string;
  /** Settles after the last round; never rejects. */
  readonly ended: Promise<void>;
  readonly #state: LoopState;
  readonly #log: Logger;
  #rung = false;
  #endPause: (() => void) | null = null;

  constructor(name: string, options: LoopOptions, work: LoopWork, signal: AbortSignal, log: Logger) {
    this.name = name;
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
    const silence = options.wake?.(() => this.#ring());
    this.ended = this.#run(options, work, signal).finally(silence);
  }

  state(): LoopState {
    return { ...this.#state };
  }

  async #run(options: LoopOptions, work: LoopWork, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#rung = false;
      await this.#round(work, signal);
      const { failures } = this.#state;
      if (failures > 0) await this.#pause(loopBackoffMs(failures, options.everyMs), signal);
      else if (!this.#rung) await this.#pause(options.everyMs, signal);
    }
  }

  /** While it backs off a ring waits too, or a loud bell would turn a fault into a storm. */
  #ring(): void {
    this.#rung = true;
    if (this.#state.failures === 0) this.#endPause?.();
  }

  async #round(work: LoopWork, signal: AbortSignal): Promise<void> {
    const state = this.#state;
    state.runningSince = Date.now();
    try {
      // Lets the caller of loop() finish its own turn before the first round.
      await null;
      await work(signal);
      state.lastSuccessAt = Date.now();
      state.failures = 0;
      state.lastError = null;
    } catch (error) {
      if (signal.aborted) return;
      state.failures += 1;
      state.lastError = error instanceof Error ? error.message : String(error);
      this.#log.error({ err: error, loop: this.name, failures: state.failures }, 'a loop failed and will try again');
    } finally {
      state.runningSince = null;
    }
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        this.#endPause = null;
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
      this.#endPause = end;
    });
  }
}

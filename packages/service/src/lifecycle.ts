import { setMaxListeners } from 'node:events';
import type { Logger } from './log.ts';
import { Loop, type LoopOptions, type LoopState, type LoopWork } from './loop.ts';
import { withLimit } from './with-limit.ts';

export type { LoopOptions, LoopState, LoopWork } from './loop.ts';

/** How long a loop's work, and each function given to `onStop`, may take during a stop, in milliseconds. */
const STOP_LIMIT_MS = 10_000;

/**
 * What lives as long as the process: its loops and what must be closed at the end. `stop` aborts the signal, waits for
 * the loops, then runs the `onStop` functions, the last one given first.
 */
export class Lifecycle {
  /** Aborted when the stop begins. */
  readonly signal: AbortSignal;
  /** Settles when everything is closed. */
  readonly stopped: Promise<void>;
  readonly #log: Logger;
  readonly #limitMs: number;
  readonly #controller = new AbortController();
  readonly #loops: Loop[] = [];
  readonly #closers: { name: string; close: () => unknown }[] = [];
  readonly #stopped = Promise.withResolvers<void>();
  #stopping = false;
  #closed = false;

  constructor(log: Logger, options: { stopLimitMs?: number } = {}) {
    this.#log = log;
    this.#limitMs = options.stopLimitMs ?? STOP_LIMIT_MS;
    this.signal = this.#controller.signal;
    this.stopped = this.#stopped.promise;
    setMaxListeners(0, this.signal);
  }

  /** Registers what closes a resource. Given after the end, it runs at once, so that nothing stays open. */
  onStop(name: string, close: () => unknown): void {
    if (this.#closed) void this.#close(name, close);
    else this.#closers.push({ name, close });
  }

  /**
   * Supervises `work`: it runs at once, then `everyMs` after it ended, or sooner when something is due or it is woken; never
   * twice at the same time. An error is logged and backs off. Nothing starts once the stop began.
   */
  loop(name: string, options: LoopOptions, work: LoopWork): void {
    if (this.#stopping) return;
    this.#loops.push(new Loop(name, options, work, this.signal, this.#log));
  }

  /** The state of every loop, for readiness and the watchdog. */
  loops(): LoopState[] {
    return this.#loops.map((loop) => loop.state());
  }

  /** Stops everything; never throws. Called again, it returns the same end. */
  async stop(): Promise<void> {
    if (!this.#stopping) {
      this.#stopping = true;
      this.#controller.abort(new Error('Kiln is stopping'));
      await Promise.all(this.#loops.map(async (loop) => await this.#close(`loop ${loop.name}`, () => loop.ended)));
      for (let closer = this.#closers.pop(); closer; closer = this.#closers.pop()) {
        await this.#close(closer.name, closer.close);
      }
      this.#closed = true;
      this.#stopped.resolve();
    }
    await this.stopped;
  }

  async #close(name: string, close: () => unknown): Promise<void> {
    try {
      await withLimit(this.#limitMs, `${name} did not stop`, async () => await close());
    } catch (error) {
      this.#log.error({ err: error, part: name }, 'stopping a part failed');
    }
  }
}

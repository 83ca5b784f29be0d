import { pauseMs } from './timing.ts';

/** Whether a forge as a whole is left alone for now: it does not answer, or asked for it. */
export class Pause {
  /** Pauses in a row. */
  count = 0;
  readonly #firstMs: number;
  #until = 0;

  /** `firstMs`: the length of a first pause, where the forge does not ask for another. */
  constructor(firstMs: number) {
    this.#firstMs = firstMs;
  }

  /** Begins a pause, as long as the forge asked for, or by the backoff. Returns how long it lasts, in milliseconds. */
  begin(askedMs: number | null): number {
    // Calls that fail side by side are one trouble.
    if (!this.on) this.count++;
    // A little after the time asked for, so that the next ones do not come all at once.
    const ms = askedMs === null ? pauseMs(this.count, this.#firstMs) : askedMs * (1 + Math.random() / 10);
    this.#until = Math.max(this.#until, performance.now() + ms);
    return this.#until - performance.now();
  }

  /** The forge answers. Returns whether there had been a pause. */
  end(): boolean {
    const was = this.count > 0;
    this.count = 0;
    this.#until = 0;
    return was;
  }

  get on(): boolean {
    return performance.now() < this.#until;
  }
}

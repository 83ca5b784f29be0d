import { LOG_LEVELS, type LogLevel } from '@kiln/protocol/states.ts';

/** A line that somebody may want to jump to. */
export interface LogMark {
  line: number;
  level: LogLevel;
}

/** The first ones are kept whatever comes. */
const FIRST = 1000;
/** Of the others, evenly spread ones, at most so many. */
const SPREAD = 1000;

/** The first marks of a log, and of the rest every n-th, with n doubled whenever there are too many. */
export class Marks {
  readonly #first: LogMark[] = [];
  #spread: LogMark[] = [];
  #step = 1;
  /** Marks to pass over until the next one is kept. */
  #skip = 0;

  add(line: number, count: number, level: number): void {
    const name = LOG_LEVELS[level] ?? 'FATAL';
    let at = 0;
    for (; at < count && this.#first.length < FIRST; at++) this.#first.push({ line: line + at, level: name });
    while (at + this.#skip < count) {
      at += this.#skip;
      this.#spread.push({ line: line + at, level: name });
      at += 1;
      this.#skip = this.#step - 1;
      if (this.#spread.length === SPREAD) this.#thin();
    }
    this.#skip -= count - at;
  }

  list(): LogMark[] {
    return [...this.#first, ...this.#spread];
  }

  #thin(): void {
    this.#spread = this.#spread.filter((_, index) => index % 2 === 0);
    this.#step *= 2;
    // The last one, at an odd place, was dropped: the next to keep comes one new step after the one before it.
    this.#skip = this.#step / 2 - 1;
  }
}

import type { LogContextLine, LogHit } from '@kiln/protocol/log-api.ts';
import type { TaskResult } from './task.ts';

/**
 * Puts the pieces of a search together: gives hits near the border of a piece the lines of the pieces beside it. A hit
 * is held back until the lines after it came.
 */
export class ContextLines {
  readonly #context: number;
  #tail: LogContextLine[] = [];
  #held: LogHit[] = [];

  constructor(context: number) {
    this.#context = context;
  }

  /** Takes the next piece, and returns the hits that are whole now, in order. */
  add({ hits, head, tail }: TaskResult): LogHit[] {
    if (this.#context === 0) return hits;
    for (const hit of this.#held) hit.after.push(...head.slice(0, this.#context - hit.after.length));
    for (const hit of hits) {
      const missing = this.#context - hit.before.length;
      if (missing > 0) hit.before.unshift(...this.#tail.slice(-missing));
    }
    this.#tail = [...this.#tail, ...tail].slice(-this.#context);
    const all = [...this.#held, ...hits];
    const firstShort = all.findIndex((hit) => hit.after.length < this.#context);
    this.#held = firstShort < 0 ? [] : all.slice(firstShort);
    return firstShort < 0 ? all : all.slice(0, firstShort);
  }

  /** The hits that were still held back, when no more pieces come. */
  end(): LogHit[] {
    return this.#held.splice(0);
  }
}

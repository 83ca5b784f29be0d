import type { Duplex } from 'node:stream';

/** What is written to a stream in one go leaves it together: one system call for many small messages, and not one for each. */
export class Corked {
  readonly #stream: Duplex;
  #isCorked = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /** Call it before a write: what is written until the present callback ends waits for that end. */
  gather(): void {
    if (this.#isCorked) return;
    this.#isCorked = true;
    this.#stream.cork();
    process.nextTick(() => {
      this.#isCorked = false;
      this.#stream.uncork();
    });
  }
}

import { stripVTControlCharacters } from 'node:util';

const ESCAPE = '\u001b';
/** What a build may do to a terminal: set colours and weights. */
const COLOUR = new RegExp(`(${ESCAPE}\\[[0-9;:]*m)`);

/** A line of output that is safe to show on a terminal: without what moves the cursor, sets titles or rings. Colours end with it. */
export function tameLine(text: string): string {
  const tame = text
    .split(COLOUR)
    .map((part, index) => (index % 2 === 1 ? part : stripVTControlCharacters(part).replace(/(?!\t)\p{Cc}/gu, '')))
    .join('');
  return tame.includes(ESCAPE) ? `${tame}${ESCAPE}[0m` : tame;
}

/** Stdout with, on a terminal, one line at the bottom that is always the newest. Piped, the bottom line is left out. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #live: boolean;
  #bottom = '';
  #shown = false;

  constructor(out: NodeJS.WriteStream = process.stdout) {
    this.#out = out;
    this.#live = out.isTTY === true;
  }

  /** Prints lines above the bottom one; waits while the reader is slow. */
  async print(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    const text = lines.map((line) => `${this.#live ? tameLine(line) : line}\n`).join('');
    const flowing = this.#out.write(this.#erase() + text + this.#draw());
    if (!flowing) await new Promise((resolve) => this.#out.once('drain', resolve));
  }

  /** Changes the bottom line; an empty one removes it. */
  bottom(text: string): void {
    if (!this.#live || text === this.#bottom) return;
    this.#bottom = text;
    this.#out.write(this.#erase() + this.#draw());
  }

  #erase(): string {
    if (!this.#shown) return '';
    this.#shown = false;
    return `\r${ESCAPE}[2K`;
  }

  #draw(): string {
    if (!this.#live || this.#bottom === '') return '';
    this.#shown = true;
    return [...this.#bottom].slice(0, Math.max(10, this.#out.columns - 1)).join('');
  }
}

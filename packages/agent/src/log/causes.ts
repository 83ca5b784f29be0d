import { stripVTControlCharacters } from 'node:util';
import type { Where } from './where.ts';

/** A line of the log, by its number. */
export interface FoundLine {
  line: number;
  text: string;
}

interface Kept {
  line: number;
  bytes: Buffer;
}

/** As much of a line as goes into a failure. */
const TEXT_LIMIT = 2000;

/** Remembers the lines that can explain a failure: the first error of each step, and the last words of each. */
export class Causes {
  readonly #errors = new Map<string, Kept>();
  readonly #lasts = new Map<string, Kept>();
  #firstError: Kept | null = null;
  #last: Kept | null = null;

  /** A line that looks like an error was seen. */
  error(where: Where, line: number, latin1: string): void {
    const key = keyOf(where);
    if (this.#errors.has(key)) return;
    const kept = keep(line, latin1);
    this.#errors.set(key, kept);
    this.#firstError ??= kept;
  }

  /** A block of output ended with line `line`; `latin1` is the whole block. */
  output(where: Where, line: number, latin1: string): void {
    let end = latin1.length - 1;
    for (let back = 0; back < 10 && end >= 0; back++) {
      const start = end === 0 ? 0 : latin1.lastIndexOf('\n', end - 1) + 1;
      const text = latin1.slice(start, end);
      if (text.trim() !== '') {
        this.#last = keep(line - back, text);
        this.#lasts.set(keyOf(where), this.#last);
        return;
      }
      end = start - 1;
    }
  }

  /**
   * The line to show beside a failure of this step: its first error, else the last thing that it said, else the same of
   * the whole attempt; null when there was no output at all.
   */
  of(where: Where): FoundLine | null {
    const key = keyOf(where);
    const found = this.#errors.get(key) ?? this.#lasts.get(key) ?? this.#firstError ?? this.#last;
    return found ? { line: found.line, text: plainText(found.bytes.toString('utf8'), TEXT_LIMIT) } : null;
  }
}

function keyOf({ phase, step }: Where): string {
  return `${phase}.${step}`;
}

/** As bytes, since a part of a string would keep the whole block of output alive. */
function keep(line: number, latin1: string): Kept {
  return { line, bytes: Buffer.from(latin1.slice(0, 2 * TEXT_LIMIT), 'latin1') };
}

/** A text that databases and pages take: without colours and control characters, well formed, not longer than `limit`. */
export function plainText(text: string, limit: number): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what has to go
  const clean = stripVTControlCharacters(text).replace(/[\u0000-\u001f\u007f]+/g, ' ');
  return (clean.length > limit ? `${clean.slice(0, limit - 1)}…` : clean).trim().toWellFormed();
}

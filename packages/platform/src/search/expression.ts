import { setFlagsFromString } from 'node:v8';
import type { SearchPattern } from './pattern.ts';

/**
 * Backtracks of one run after which V8 takes its linear engine for the rest of it. Usual expressions do less over a whole
 * frame, and up to here backtracking is the quicker engine by far (a frame of 256 KiB: 0.3 ms to 10 ms against 65 ms).
 */
const MOST_BACKTRACKS = 5_000_000;
/** Once a run took so long the linear engine is used from the start, in milliseconds. */
const SLOW_MS = 20;

// For all threads of the process, which only gain by it: no expression backtracks without end.
setFlagsFromString('--enable-experimental-regexp-engine');
setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
setFlagsFromString(`--regexp-backtracks-before-fallback=${MOST_BACKTRACKS}`);

/**
 * A compiled expression that takes linear time where V8 can: it begins with the backtracking engine, and stays with the
 * linear one after a run that backtracked much. Back references and looking around know only the first.
 */
export class Expression {
  readonly #whole: RegExp;
  readonly #linear: RegExp | null;
  #finder: RegExp;
  #begunMs = 0;

  /** Throws SyntaxError. */
  constructor({ source, flags }: Pick<SearchPattern, 'source' | 'flags'>) {
    this.#whole = new RegExp(source, flags);
    // A match that begins with anything begins with its line: one try a line instead of one a character.
    const anchored = /^\.[*+]/.test(source) && !source.includes('|') ? `^${source}` : source;
    this.#finder = new RegExp(anchored, flags);
    this.#linear = linearTwin(anchored, flags);
  }

  /** To be called before the text of a frame is looked through. */
  begin(): void {
    this.#begunMs = cpuMs();
  }

  /** Where the first match from `start` on is, as [start, end). */
  find(text: string, start: number): [number, number] | null {
    const began = performance.now();
    this.#finder.lastIndex = start;
    const match = this.#finder.exec(text);
    // Other processes take time too: only this thread's own says that the expression is slow.
    if (performance.now() - began > SLOW_MS && cpuMs() - this.#begunMs > SLOW_MS)
      this.#finder = this.#linear ?? this.#finder;
    return match && [match.index, match.index + match[0].length];
  }

  /** Every match in a line, in order. */
  all(line: string): Iterable<RegExpExecArray> {
    return line.matchAll(this.#whole);
  }
}

function linearTwin(source: string, flags: string): RegExp | null {
  try {
    return new RegExp(source, `${flags}l`);
  } catch (error) {
    // V8's way of saying that its linear engine can't run it.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function cpuMs(): number {
  return process.threadCpuUsage().user / 1000;
}

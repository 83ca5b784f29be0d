import type { LogHit, LogSearchMessage } from '@kiln/protocol/log-api.ts';
import type { TextRange } from './highlight.ts';
import { type LogRow, rowsOfPage } from './row.ts';

/** What of a log is looked for: lines that have the text, where there is one, and meet every condition. */
export interface LogQuery {
  /** Empty: every line that meets the conditions. */
  text: string;
  regex: boolean;
  matchCase: boolean;
  /** At least this level. */
  level?: 'WARN' | 'ERROR';
  component?: string;
  /** Index of a phase. */
  phase?: string;
}

/** A line that was found. Its row has the text as people see it, to which the ranges belong. */
export interface Hit {
  row: LogRow;
  ranges: readonly TextRange[];
}

/** Where hits come from, and when it is time to show them. */
export interface SearchSource {
  /** The messages of one search from a line on. Throws when it can't be made. */
  search(query: LogQuery, from: number, signal: AbortSignal): AsyncIterable<LogSearchMessage>;
  schedule(callback: () => void): void;
}

/** One search over a whole log, on the server: its hits as they come. A new query is a new search. */
export class LogSearch {
  readonly query: LogQuery;
  /** Lines of the hits, ascending. */
  readonly lines: number[] = [];
  /** Hits there are as far as was looked, those that were not sent included. */
  count = 0;
  /** How far it is: lines looked at, of so many. */
  looked = 0;
  total = 0;
  running = false;
  error: Error | null = null;
  version = 0;

  readonly #source: SearchSource;
  readonly #byLine = new Map<number, Hit>();
  readonly #listeners = new Set<() => void>();
  #stop: AbortController | null = null;
  #scheduled = false;

  constructor(query: LogQuery, source: SearchSource) {
    this.query = query;
    this.#source = source;
  }

  /** Calls `listener` after changes until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  hit(line: number): Hit | undefined {
    return this.#byLine.get(line);
  }

  /** Whether there are hits that were not sent. */
  get hasMore(): boolean {
    return !this.running && this.error === null && this.lines.length < this.count;
  }

  /** Begins, or goes on: with hits that were not sent, or with lines that came since. */
  async run(): Promise<void> {
    if (this.running) return;
    const stop = new AbortController();
    this.#stop = stop;
    this.running = true;
    this.error = null;
    const more = this.lines.length < this.count;
    const before = this.lines.length;
    const from = more ? (this.lines.at(-1) ?? 0) + 1 : this.looked + 1;
    this.#changed();
    try {
      for await (const message of this.#source.search(this.query, from, stop.signal)) {
        if (stop.signal.aborted) return;
        this.#take(message, before);
      }
    } catch (error) {
      if (stop.signal.aborted) return;
      this.error = error instanceof Error ? error : new Error(String(error));
    }
    this.running = false;
    this.#changed();
  }

  /** Ends it; what was found stays. */
  stop(): void {
    this.#stop?.abort();
    this.running = false;
  }

  #take(message: LogSearchMessage, before: number): void {
    if (message.type === 'hit') this.#add(message);
    else if (message.type === 'error') this.error = new Error(message.message);
    else {
      this.count = Math.max(this.lines.length, before + message.hits);
      this.looked = Math.max(this.looked, message.lines);
      this.total = message.type === 'progress' ? message.total : message.lines;
    }
    this.#changed();
  }

  #add(hit: LogHit): void {
    const [row] = rowsOfPage([hit]);
    if (!row || row.line <= (this.lines.at(-1) ?? 0)) return;
    this.lines.push(row.line);
    this.#byLine.set(row.line, { row, ranges: hit.ranges });
    this.count = Math.max(this.count, this.lines.length);
  }

  #changed(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#source.schedule(() => {
      this.#scheduled = false;
      this.version += 1;
      for (const listener of this.#listeners) listener();
    });
  }
}

/** Index of the first hit at or after a line; their number when there is none. */
export function hitFrom(lines: readonly number[], line: number): number {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle] ?? 0) < line) low = middle + 1;
    else high = middle;
  }
  return low;
}

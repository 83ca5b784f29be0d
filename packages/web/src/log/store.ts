import type { LogPage } from '@kiln/protocol/api.ts';
import { type Chunk, Chunks } from './chunks.ts';
import { evict } from './evict.ts';
import type { ReadFrame } from './frame.ts';
import { type LogRow, rowsOfFrame, rowsOfPage } from './row.ts';
import type { Range } from './rows.ts';

/** Where a log's lines come from and how they are unpacked. */
export interface LogSource {
  /** Lines `from` … `from + limit - 1`. */
  fetch(from: number, limit: number): Promise<LogPage>;
  /** The text of one zstd frame. At once when it is small. */
  inflate(compressed: Uint8Array): string | Promise<string>;
  /** Calls back when it is time to show what changed, such as `requestAnimationFrame`. */
  schedule(callback: () => void): void;
}

/** Lines asked for at once where they are not there. */
const PAGE_LINES = 500;
/** A stretch of no more lines than this, such as the first line of a folded group, is asked for as it is. */
const FEW_LINES = 8;
const PARALLEL = 4;
/** Objects around a line's text, about. */
const ROW_BYTES = 120;
/** Small live frames are gathered into chunks of so many lines. */
const GATHER_LINES = 1000;

/**
 * The lines of one attempt's log, as far as they are needed: live frames as they come, and pages fetched where somebody
 * looks. Memory is bounded whatever the log's length.
 */
export class LogStore {
  /** Lines known to exist. */
  total = 0;
  /** Lines to show: while frames come faster than they can be unpacked, this follows the last one that was. */
  shown = 0;
  /** The attempt ended and `total` is final. */
  complete = false;
  /** Why lines could not be fetched, until the next try. */
  error: Error | null = null;
  version = 0;

  readonly #source: LogSource;
  readonly #chunks = new Chunks();
  readonly #listeners = new Set<() => void>();
  readonly #fetching = new Set<number>();
  readonly #inflating = new Set<Chunk>();
  #wanted: readonly Range[] = [];
  #tail: Chunk | null = null;
  #looks = 0;
  #scheduled = false;

  constructor(source: LogSource) {
    this.#source = source;
  }

  /** Calls `listener` after changes, at most once a frame of the screen, until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** A line, null while it is not there; `want` fetches it. */
  row(line: number): LogRow | null {
    const chunk = this.#chunks.find(line);
    if (!chunk) return null;
    chunk.used = ++this.#looks;
    return chunk.rows?.[line - chunk.first] ?? null;
  }

  /** Somebody looks at these stretches of lines: unpacks or fetches what is missing. The last call counts. */
  want(ranges: readonly Range[]): void {
    this.#wanted = ranges;
    if (this.error === null) this.#pump();
  }

  /** Something else that is shown with the lines has changed. */
  touch(): void {
    this.#changed();
  }

  /** Fetches again what could not be fetched. */
  retry(): void {
    this.error = null;
    this.#changed();
    this.#pump();
  }

  /** The farm said how long the log is; `complete` when it won't grow. */
  noteTotal(lines: number, complete: boolean): void {
    if (lines <= this.total && complete === this.complete) return;
    this.total = Math.max(this.total, lines);
    this.shown = Math.max(this.shown, this.total);
    this.complete ||= complete;
    this.#changed();
    this.#pump();
  }

  /** The live socket begins to send, from some line on; this many are known. */
  begin(total: number): void {
    this.total = Math.max(this.total, total);
  }

  /** A frame came over the live socket. */
  addFrame({ header, compressed }: ReadFrame): void {
    const { firstLine, lines, runs } = header;
    this.total = Math.max(this.total, firstLine + lines - 1);
    const frame = { compressed, firstLine, runs };
    const text = this.#tail === null ? this.#source.inflate(compressed) : null;
    if (typeof text === 'string') {
      this.#addRows(rowsOfFrame(firstLine, runs, text), header.bytes);
      this.shown = Math.max(this.shown, firstLine + lines - 1);
    } else {
      const chunk: Chunk = { first: firstLine, count: lines, frame, rows: null, bytes: header.bytes, used: 0 };
      const last = this.#chunks.insert(chunk).at(-1);
      if (last) this.#showTail(last, text);
    }
    this.#evict();
    this.#changed();
  }

  #addRows(rows: LogRow[], textBytes: number): void {
    const [head] = rows;
    if (!head) return;
    const bytes = textBytes + rows.length * ROW_BYTES;
    const before = this.#chunks.find(head.line - 1);
    const gathers =
      before?.rows &&
      before.first + before.count === head.line &&
      before.count + rows.length <= GATHER_LINES &&
      !this.#chunks.find(head.line);
    if (gathers) {
      before.rows?.push(...rows);
      before.count += rows.length;
      before.bytes += bytes;
      before.frame = null;
    } else this.#chunks.insert({ first: head.line, count: rows.length, frame: null, rows, bytes, used: ++this.#looks });
  }

  /** Unpacks the newest frame; those that came meanwhile and are not the newest any more wait until they are wanted. */
  #showTail(chunk: Chunk, started: string | Promise<string> | null): void {
    const busy = this.#tail !== null;
    this.#tail = chunk;
    if (!busy) void this.#followTail(chunk, started);
  }

  async #followTail(first: Chunk, started: string | Promise<string> | null): Promise<void> {
    let chunk: Chunk | null = null;
    for (let next: Chunk | null = first; next !== null && next !== chunk; next = this.#tail) {
      chunk = next;
      await this.#inflate(chunk, chunk === first ? started : null);
      this.shown = Math.max(this.shown, chunk.first + chunk.count - 1);
      this.#changed();
    }
    this.#tail = null;
  }

  async #inflate(chunk: Chunk, started: string | Promise<string> | null = null): Promise<void> {
    const { frame } = chunk;
    if (!frame || chunk.rows || this.#inflating.has(chunk)) return;
    this.#inflating.add(chunk);
    try {
      const text = await (started ?? this.#source.inflate(frame.compressed));
      const skip = chunk.first - frame.firstLine;
      chunk.rows = rowsOfFrame(frame.firstLine, frame.runs, text).slice(skip, skip + chunk.count);
      chunk.bytes = text.length + chunk.count * ROW_BYTES;
      chunk.used = ++this.#looks;
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#inflating.delete(chunk);
    }
    this.#evict();
    this.#changed();
  }

  /** The attempt ended with so many lines. */
  end(lines: number): void {
    this.noteTotal(lines, true);
  }

  #pump(): void {
    for (const range of this.#wanted) {
      const last = Math.min(range.last, this.total);
      for (let at = this.#chunks.indexFrom(range.first); at < this.#chunks.list.length; at += 1) {
        const chunk = this.#chunks.list[at];
        if (!chunk || chunk.first > last) break;
        if (!chunk.rows) void this.#inflate(chunk);
      }
    }
    for (const range of this.#wanted) {
      const last = Math.min(range.last, this.total);
      if (last < range.first) continue;
      const few = last - range.first < FEW_LINES;
      const first = few ? range.first : pageStart(range.first);
      const end = few ? last : Math.min(pageStart(last) + PAGE_LINES - 1, this.total);
      for (const gap of this.#chunks.gaps(first, end)) {
        for (let from = gap.first; from <= gap.last; ) {
          const to = Math.min(gap.last, pageStart(from) + PAGE_LINES - 1);
          if (this.#fetching.size >= PARALLEL) return;
          if (!this.#fetching.has(from)) void this.#fetch(from, to - from + 1);
          from = to + 1;
        }
      }
    }
  }

  async #fetch(from: number, limit: number): Promise<void> {
    this.#fetching.add(from);
    try {
      const answer = await this.#source.fetch(from, limit);
      if (answer.lines.length === 0) throw new Error('the farm has no such lines any more');
      const rows = rowsOfPage(answer.lines);
      const bytes = rows.reduce((sum, row) => sum + row.text.length + ROW_BYTES, 0);
      const [head] = rows;
      if (head) {
        this.#chunks.insert({ first: head.line, count: rows.length, frame: null, rows, bytes, used: ++this.#looks });
      }
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#fetching.delete(from);
    }
    this.#evict();
    this.#changed();
    if (this.error === null) this.#pump();
  }

  #failed(error: unknown): void {
    this.error = error instanceof Error ? error : new Error(String(error));
  }

  #evict(): void {
    evict(this.#chunks, this.#wanted, this.#tail);
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

/** The first line of the page that a line is on. */
function pageStart(line: number): number {
  return Math.floor((line - 1) / PAGE_LINES) * PAGE_LINES + 1;
}

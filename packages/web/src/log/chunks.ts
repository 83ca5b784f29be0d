import type { LineRun } from '@kiln/protocol/frame.ts';
import type { LogRow } from './row.ts';

/** A stretch of consecutive lines: compressed as it came, decoded, or both. */
export interface Chunk {
  first: number;
  count: number;
  /** The frame that the lines are in, while it is kept: `skip` of its lines come before `first`. */
  frame: { compressed: Uint8Array; firstLine: number; runs: readonly LineRun[] } | null;
  rows: LogRow[] | null;
  /** Bytes of text when decoded, about. */
  bytes: number;
  /** When it was last looked at: grows with each look. */
  used: number;
}

/** Chunks in the order of their lines, without overlap. */
export class Chunks {
  readonly list: Chunk[] = [];

  /** Index of the first chunk that ends at or after `line`. */
  indexFrom(line: number): number {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const chunk = this.list[middle];
      if (chunk && chunk.first + chunk.count - 1 < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The chunk that holds `line`. */
  find(line: number): Chunk | null {
    const chunk = this.list[this.indexFrom(line)];
    return chunk && chunk.first <= line ? chunk : null;
  }

  /** The stretches of `first`…`last` that no chunk holds. */
  gaps(first: number, last: number): { first: number; last: number }[] {
    const gaps: { first: number; last: number }[] = [];
    let next = first;
    for (let index = this.indexFrom(first); next <= last; index += 1) {
      const chunk = this.list[index];
      if (!chunk || chunk.first > last) {
        gaps.push({ first: next, last });
        break;
      }
      if (chunk.first > next) gaps.push({ first: next, last: chunk.first - 1 });
      next = chunk.first + chunk.count;
    }
    return gaps;
  }

  /** Puts in what is new of a chunk: lines that are held already stay as they are. Gives the chunks that it became. */
  insert(chunk: Chunk): Chunk[] {
    return this.gaps(chunk.first, chunk.first + chunk.count - 1).map(({ first, last }) => {
      const count = last - first + 1;
      const part: Chunk = {
        ...chunk,
        first,
        count,
        rows: chunk.rows?.slice(first - chunk.first, first - chunk.first + count) ?? null,
        bytes: count === chunk.count ? chunk.bytes : Math.ceil((chunk.bytes * count) / chunk.count),
      };
      this.list.splice(this.indexFrom(first), 0, part);
      return part;
    });
  }

  remove(chunk: Chunk): void {
    const index = this.list.indexOf(chunk);
    if (index >= 0) this.list.splice(index, 1);
  }

  /** The chunk of `among` that was looked at longest ago. */
  oldest(among: (chunk: Chunk) => boolean): Chunk | null {
    let oldest: Chunk | null = null;
    for (const chunk of this.list) if (among(chunk) && (!oldest || chunk.used < oldest.used)) oldest = chunk;
    return oldest;
  }
}

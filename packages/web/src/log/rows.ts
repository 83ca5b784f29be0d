/** Consecutive lines, both ends included. */
export interface Range {
  first: number;
  last: number;
}

/**
 * The lines that are shown, as stretches and not one by one: ten million lines with a few folded groups are a few stretches.
 * Rows count from 0, lines from 1.
 */
export class Rows {
  readonly count: number;
  readonly ranges: readonly Range[];
  /** Rows before each stretch. */
  readonly #before: number[] = [];

  /** `ranges` ascend and don't overlap. */
  constructor(ranges: readonly Range[]) {
    this.ranges = ranges;
    let count = 0;
    for (const { first, last } of ranges) {
      this.#before.push(count);
      count += last - first + 1;
    }
    this.count = count;
  }

  /** Lines 1 to `lines` without those of `hidden`, which may overlap and come in any order. */
  static without(lines: number, hidden: readonly Range[]): Rows {
    const shown: Range[] = [];
    let next = 1;
    for (const { first, last } of merged(hidden)) {
      if (first > lines) break;
      if (first > next) shown.push({ first: next, last: first - 1 });
      next = Math.max(next, last + 1);
    }
    if (next <= lines) shown.push({ first: next, last: lines });
    return new Rows(shown);
  }

  /** The line on a row; of the first or the last row when there is no such row. 1 when nothing is shown. */
  lineAt(row: number): number {
    const at = Math.max(0, Math.min(row, this.count - 1));
    const index = lastNotAbove(this.#before, at);
    const range = this.ranges[index];
    return range ? range.first + at - (this.#before[index] ?? 0) : 1;
  }

  /** The row of a line; of the nearest shown line before it when it is hidden, else of the first. */
  rowOf(line: number): number {
    const index = this.#indexOf(line);
    const range = this.ranges[index];
    if (!range || line < range.first) return 0;
    return (this.#before[index] ?? 0) + Math.min(line, range.last) - range.first;
  }

  /** Whether a line is shown. */
  has(line: number): boolean {
    const range = this.ranges[this.#indexOf(line)];
    return range !== undefined && line >= range.first && line <= range.last;
  }

  /** The lines on rows `from` to `to`, as stretches. */
  slice(from: number, to: number): Range[] {
    const found: Range[] = [];
    const start = Math.max(0, from);
    const end = Math.min(to, this.count - 1);
    if (end < start) return found;
    for (let index = lastNotAbove(this.#before, start); index < this.ranges.length; index += 1) {
      const range = this.ranges[index];
      const before = this.#before[index] ?? 0;
      if (!range || before > end) break;
      found.push({
        first: range.first + Math.max(0, start - before),
        last: Math.min(range.last, range.first + end - before),
      });
    }
    return found;
  }

  /** Index of the last stretch that begins at or before a line, 0 when there is none. */
  #indexOf(line: number): number {
    let low = 0;
    let high = this.ranges.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.ranges[middle]?.first ?? 0) <= line) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/** The same lines as ascending stretches that neither overlap nor touch. */
export function merged(ranges: readonly Range[]): Range[] {
  const result: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = result.at(-1);
    if (before && range.first <= before.last + 1) before.last = Math.max(before.last, range.last);
    else if (range.last >= range.first) result.push({ ...range });
  }
  return result;
}

/** Index of the last number that is not above `value`, in ascending numbers. */
function lastNotAbove(numbers: readonly number[], value: number): number {
  let low = 0;
  let high = numbers.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((numbers[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

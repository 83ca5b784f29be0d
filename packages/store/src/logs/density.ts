/** A stretch of a log. */
export interface DensityBucket {
  firstLine: number;
  lines: number;
  warnings: number;
  /** Lines of level ERROR or FATAL. */
  errors: number;
}

const MOST_BUCKETS = 400;

/** How warnings and errors lie over a log: buckets of equally many lines, which become twice as large when there are too many. */
export class Density {
  #size = 1;
  #buckets: DensityBucket[] = [];

  /** Adds lines of one kind: `warnings` and `errors` are 0 or `lines`. */
  add(lines: number, warnings: number, errors: number): void {
    let left = lines;
    while (left > 0) {
      let last = this.#buckets.at(-1);
      if (!last || last.lines === this.#size) {
        if (this.#buckets.length === MOST_BUCKETS) {
          this.#halve();
          continue;
        }
        last = { firstLine: last ? last.firstLine + last.lines : 1, lines: 0, warnings: 0, errors: 0 };
        this.#buckets.push(last);
      }
      const taken = Math.min(left, this.#size - last.lines);
      last.lines += taken;
      if (warnings > 0) last.warnings += taken;
      if (errors > 0) last.errors += taken;
      left -= taken;
    }
  }

  list(): DensityBucket[] {
    return this.#buckets.map((bucket) => ({ ...bucket }));
  }

  #halve(): void {
    const merged: DensityBucket[] = [];
    for (const [index, bucket] of this.#buckets.entries()) {
      const last = merged.at(-1);
      if (index % 2 === 0 || !last) merged.push(bucket);
      else {
        last.lines += bucket.lines;
        last.warnings += bucket.warnings;
        last.errors += bucket.errors;
      }
    }
    this.#buckets = merged;
    this.#size *= 2;
  }
}

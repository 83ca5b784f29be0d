import type { Group } from './groups.ts';
import type { Outline } from './outline.ts';
import type { Rows } from './rows.ts';

/** A phase on the ruler, in pixels from its top. */
export interface Band {
  top: number;
  height: number;
  group: Group;
}

/** What a pixel row of the ruler shows: 0 nothing, 1 a warning, 2 an error. */
export type Ticks = Uint8Array;

/** Where a line is on a ruler: it shows rows as the scroll bar does, so a folded group is as high as one row. */
export function pixelOf(line: number, rows: Rows, height: number): number {
  return Math.min(height - 1, Math.floor((rows.rowOf(line) / Math.max(1, rows.count)) * height));
}

/** The phases of a log on a ruler of a height. */
export function bandsOf(groups: readonly Group[], rows: Rows, height: number): Band[] {
  const part = height / Math.max(1, rows.count);
  return groups
    .filter(({ depth }) => depth === 0)
    .map((group) => {
      const top = rows.rowOf(group.first) * part;
      return { top, height: Math.max(2, (rows.rowOf(group.last) + 1) * part - top), group };
    });
}

/** Errors and warnings on a ruler; where several fall together the worst is seen. */
export function ticksOf(outline: Outline, rows: Rows, height: number): Ticks {
  const ticks = new Uint8Array(Math.max(0, height));
  if (height < 1) return ticks;
  const put = (line: number, isError: boolean) => {
    const at = pixelOf(line, rows, height);
    ticks[at] = Math.max(ticks[at] ?? 0, isError ? 2 : 1);
  };
  for (const { line, isError } of outline.marks) put(line, isError);
  if (!outline.marksAll) {
    for (const { firstLine, warnings, errors } of outline.density) {
      if (warnings + errors > 0) put(firstLine, errors > 0);
    }
  }
  return ticks;
}

/** The pixel rows of a ruler that have a hit. */
export function hitPixels(lines: readonly number[], rows: Rows, height: number): Set<number> {
  const pixels = new Set<number>();
  if (height < 1) return pixels;
  for (const line of lines) pixels.add(pixelOf(line, rows, height));
  return pixels;
}

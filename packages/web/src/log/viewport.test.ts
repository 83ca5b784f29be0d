import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Rows } from './rows.ts';
import {
  anchorAtScroll,
  isExact,
  ROW_HEIGHT,
  renderedRows,
  scrollHeightOf,
  scrollTopOf,
  settled,
  topRow,
} from './viewport.ts';

const all = (lines: number) => Rows.without(lines, []);

describe('where a log is scrolled to', () => {
  it('is an ordinary list while its lines fit an element', () => {
    const rows = all(1000);
    expect(isExact(1000, false)).toBe(true);
    for (const scrollTop of [0, 137, 9600, 20_000 - 400]) {
      const anchor = anchorAtScroll(scrollTop, 400, rows);
      expect(topRow(anchor, rows) * ROW_HEIGHT).toBeCloseTo(scrollTop, 6);
      expect(scrollTopOf(anchor, 400, rows)).toBeCloseTo(scrollTop, 6);
    }
  });

  it('covers the view, reaches both ends, and finds its way back, however many lines there are', () => {
    const cases = fc.record({
      lines: fc.integer({ min: 1, max: 20_000_000 }),
      view: fc.integer({ min: 50, max: 2000 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(cases, ({ lines, view, part }) => {
        const rows = all(lines);
        const most = Math.max(0, scrollHeightOf(lines) - view);
        const anchor = anchorAtScroll(part * most, view, rows);
        const { first, last } = renderedRows(anchor, view, rows);
        const top = topRow(anchor, rows);
        expect(first === 0 || first <= top).toBe(true);
        expect(last === lines - 1 || (last + 1 - top) * ROW_HEIGHT >= view).toBe(true);
        expect(last - first).toBeLessThan(view / ROW_HEIGHT + 50);
        if (part === 0) expect(top).toBe(0);
        if (part === 1 && most > 0) expect((lines - top) * ROW_HEIGHT).toBeCloseTo(view, 3);
        expect(scrollTopOf(anchor, view, rows)).toBeCloseTo(part * most, 0);
        expect(scrollHeightOf(lines)).toBeLessThanOrEqual(15_000_000);
      }),
    );
  });

  it('keeps a line where it is when lines come after it and when groups fold above it', () => {
    const anchor = { line: 5000, y: 120 };
    const before = renderedRows(anchor, 400, all(6000));
    expect(renderedRows(anchor, 400, all(9000))).toEqual(before);
    const folded = Rows.without(6000, [{ first: 2, last: 4000 }]);
    expect(folded.lineAt(renderedRows(anchor, 400, folded).first)).toBe(all(6000).lineAt(before.first));
  });

  it('never leaves the first or the last line', () => {
    const rows = all(100);
    expect(settled({ line: 1, y: 300 }, 400, rows)).toEqual({ line: 1, y: 0 });
    expect(settled({ line: 100, y: 0 }, 400, rows)).toEqual({ line: 81, y: 0 });
    expect(settled({ line: 3, y: 0 }, 400, all(5))).toEqual({ line: 1, y: 0 });
  });
});

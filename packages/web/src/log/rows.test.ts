import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { merged, type Range, Rows } from './rows.ts';

const someRanges = fc.array(
  fc.record({ first: fc.integer({ min: 1, max: 60 }), size: fc.integer({ min: 1, max: 12 }) }),
  { maxLength: 8 },
);
const ranges = someRanges.map((all): Range[] => all.map(({ first, size }) => ({ first, last: first + size - 1 })));

describe('the lines that are shown', () => {
  it('are those that no folded group hides, whatever the folds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 70 }), ranges, (lines, hidden) => {
        const plain = Array.from({ length: lines }, (_, n) => n + 1).filter(
          (line) => !hidden.some(({ first, last }) => line >= first && line <= last),
        );
        const rows = Rows.without(lines, hidden);
        expect(rows.count).toBe(plain.length);
        expect(plain.map((_, row) => rows.lineAt(row))).toEqual(plain);
        expect(plain.map((line) => rows.rowOf(line))).toEqual(plain.map((_, row) => row));
        for (let line = 1; line <= lines; line += 1) {
          expect(rows.has(line)).toBe(plain.includes(line));
          const nearest = plain.findLastIndex((each) => each <= line);
          expect(rows.rowOf(line)).toBe(Math.max(0, nearest));
        }
        const cut = rows
          .slice(3, 9)
          .flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, n) => first + n));
        expect(cut).toEqual(plain.slice(3, 10));
      }),
    );
  });

  it('cost nothing for ten million of them', () => {
    const rows = Rows.without(10_000_000, [{ first: 11, last: 9_999_990 }]);
    expect([rows.count, rows.lineAt(9), rows.lineAt(10), rows.rowOf(5_000_000)]).toEqual([20, 10, 9_999_991, 9]);
  });

  it('join where stretches touch or overlap', () => {
    expect(
      merged([
        { first: 8, last: 9 },
        { first: 1, last: 3 },
        { first: 4, last: 5 },
        { first: 2, last: 2 },
      ]),
    ).toEqual([
      { first: 1, last: 5 },
      { first: 8, last: 9 },
    ]);
  });
});

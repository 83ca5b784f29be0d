import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROW_HEIGHT, scrollTopOf, windowAt } from './window.ts';

describe('the lines on the screen', () => {
  it('is an ordinary list while the lines fit an element', () => {
    for (const scrollTop of [0, 137, 9600, 20_000 - 400]) {
      const { first, top } = windowAt(scrollTop, 400, 1000);
      expect(top).toBeCloseTo((first - 1) * ROW_HEIGHT, 6);
    }
  });

  it('always covers the view, and reaches the first and the last line, however many there are', () => {
    const cases = fc.record({
      lines: fc.integer({ min: 1, max: 20_000_000 }),
      view: fc.integer({ min: 50, max: 2000 }),
      part: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(cases, ({ lines, view, part }) => {
        const { maxScroll } = windowAt(0, view, lines);
        const { first, last, top, height } = windowAt(part * maxScroll, view, lines);
        const above = part * maxScroll - top;
        const below = top + (last - first + 1) * ROW_HEIGHT - (part * maxScroll + view);
        expect(first === 1 || above >= 0).toBe(true);
        expect(last === lines || below >= 0).toBe(true);
        expect(last - first).toBeLessThan(view / ROW_HEIGHT + 50);
        if (part === 0) expect(first).toBe(1);
        if (part === 1) expect(last).toBe(lines);
        expect(height).toBeLessThanOrEqual(15_000_000);
      }),
    );
  });

  it.each([false, true])('finds the way to a line (wrapped: %s)', (wrapped) => {
    for (const lines of [10, 1000, 1_000_000]) {
      for (const line of [1, 2, Math.ceil(lines / 2), lines]) {
        const scrollTop = scrollTopOf(line, 500, lines, wrapped);
        const { first, last, top } = windowAt(scrollTop, 500, lines);
        expect(first).toBeLessThanOrEqual(line);
        expect(last).toBeGreaterThanOrEqual(line);
        const y = top + (line - first) * ROW_HEIGHT - scrollTop;
        expect(y).toBeGreaterThan(-ROW_HEIGHT);
        expect(y).toBeLessThan(500);
      }
    }
  });
});

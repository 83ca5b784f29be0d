import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { highlighted, type TextRange } from './highlight.ts';

describe('hits within a line', () => {
  it('are cut out of its colours', () => {
    const spans = [
      { text: 'src/main.c: ', style: null },
      { text: 'error: no', style: { color: 1 } },
    ];
    expect(
      highlighted(spans, [
        [4, 8],
        [10, 17],
      ]).map(({ text, hit, style }) => [text, hit, style?.color]),
    ).toEqual([
      ['src/', false, undefined],
      ['main', true, undefined],
      ['.c', false, undefined],
      [': ', true, undefined],
      ['error', true, 1],
      [': no', false, 1],
    ]);
  });

  it('never lose or repeat a character, wherever they are', () => {
    const texts = fc.array(fc.string({ maxLength: 8 }), { maxLength: 5 });
    const cuts = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 8 });
    fc.assert(
      fc.property(texts, cuts, (parts, points) => {
        const sorted = points.toSorted((a, b) => a - b);
        const ranges: TextRange[] = [];
        for (let n = 0; n + 1 < sorted.length; n += 2) ranges.push([sorted[n] ?? 0, sorted[n + 1] ?? 0]);
        const pieces = highlighted(
          parts.map((text) => ({ text, style: null })),
          ranges,
        );
        expect(pieces.map(({ text }) => text).join('')).toBe(parts.join(''));
        let at = 0;
        for (const { text, hit } of pieces) {
          for (let n = 0; n < text.length; n += 1) {
            expect(hit).toBe(ranges.some(([start, end]) => start <= at + n && at + n < end));
          }
          at += text.length;
        }
      }),
    );
  });
});

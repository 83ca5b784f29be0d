import { describe, expect, it } from 'vitest';
import { groupsOf } from './groups.ts';
import { Outline } from './outline.ts';
import { Rows } from './rows.ts';
import { bandsOf, hitPixels, pixelOf, ticksOf } from './ruler-maths.ts';

const outline = new Outline();
outline.add({ firstLine: 1, lines: 100, runs: [[100, 1, 1, 'output', 0, 0]] });
outline.add({
  firstLine: 101,
  lines: 50,
  runs: [
    [49, 1, 2, 'output', 1, 0],
    [1, 1, 3, 'output', 1, 0],
  ],
});
outline.add({ firstLine: 151, lines: 50, runs: [[50, 1, 1, 'output', 1, 0]] });
const groups = groupsOf(outline.sections, [], true);
const rows = Rows.without(200, []);

describe('the ruler', () => {
  it('has phases where they are, and a folded one as high as can be seen', () => {
    expect(bandsOf(groups, rows, 400).map(({ top, height }) => [top, height])).toEqual([
      [0, 200],
      [200, 200],
    ]);
    const folded = Rows.without(200, [{ first: 2, last: 100 }]);
    const [first, second] = bandsOf(groups, folded, 400);
    expect(first?.height).toBeCloseTo(400 / 101);
    expect(second?.top).toBeCloseTo(400 / 101);
  });

  it('shows the worst of what falls on a pixel, and the errors of folded groups at their first line', () => {
    const ticks = ticksOf(outline, rows, 20);
    expect([...ticks]).toEqual([...Array(10).fill(0), 1, 1, 1, 1, 2, ...Array(5).fill(0)]);
    const folded = Rows.without(200, [{ first: 102, last: 200 }]);
    expect(ticksOf(outline, folded, 101)[100]).toBe(2);
  });

  it('knows about lines whose marks were not kept', () => {
    const long = Outline.of({
      jobId: 'x',
      attempt: 1,
      complete: true,
      lines: 200,
      levels: { DEBUG: 0, INFO: 0, WARN: 200, ERROR: 0, FATAL: 0 },
      components: [],
      sections: [],
      marks: [{ line: 1, level: 'WARN' }],
      density: [
        { firstLine: 1, lines: 100, warnings: 100, errors: 0 },
        { firstLine: 101, lines: 100, warnings: 99, errors: 1 },
      ],
    });
    const ticks = ticksOf(long, rows, 20);
    expect([ticks[0], ticks[10], ticks[5]]).toEqual([1, 2, 0]);
  });

  it('has hits within its height, also the last', () => {
    expect([...hitPixels([1, 2, 100, 200], rows, 20)]).toEqual([0, 9, 19]);
    expect(pixelOf(200, rows, 20)).toBe(19);
  });
});

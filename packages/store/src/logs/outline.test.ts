import type { LineRun } from '@kiln/protocol/frame.ts';
import { expect, test } from 'vitest';
import { OutlineBuilder } from './outline.ts';

const run = (lines: number, level: number, place: [number, number] = [0, 0], time = 1000): LineRun => [
  lines,
  time,
  level,
  'output',
  ...place,
];

function outlineOf(runs: readonly LineRun[]) {
  const builder = new OutlineBuilder();
  for (const one of runs) builder.add({ runs: [one] });
  return builder.outline();
}

test('counts lines by level, component and place', () => {
  const outline = outlineOf([
    run(1, 1, [-1, -1]),
    run(3, 1),
    run(2, 2),
    run(1, 3, [0, 1], 5000),
    run(4, 4, [0, 1], 6000),
  ]);
  expect(outline).toMatchObject({
    lines: 11,
    levels: { DEBUG: 0, INFO: 4, WARN: 2, ERROR: 1, FATAL: 4 },
    components: [{ name: 'output', lines: 11 }],
    sections: [
      { phase: -1, step: -1, firstLine: 1, lines: 1, warnings: 0, errors: 0 },
      { phase: 0, step: 0, firstLine: 2, lines: 5, warnings: 2, errors: 0 },
      { phase: 0, step: 1, firstLine: 7, lines: 5, firstTime: 5000, lastTime: 6000, warnings: 0, errors: 5 },
    ],
  });
  expect(outline.marks.map(({ line, level }) => `${line} ${level}`)).toEqual([
    '5 WARN',
    '6 WARN',
    '7 ERROR',
    '8 FATAL',
    '9 FATAL',
    '10 FATAL',
    '11 FATAL',
  ]);
});

test.each([1, 7, 1000, 5_000_000])('stays small when ten million lines are errors, in runs of %i', (size) => {
  const builder = new OutlineBuilder();
  const total = size === 1 ? 100_000 : 10_000_000;
  for (let done = 0; done < total; ) {
    const lines = Math.min(size, total - done);
    builder.add({ runs: [run(lines, 3)] });
    done += lines;
  }
  const { marks, density } = builder.outline();
  expect(marks.length).toBeLessThanOrEqual(2000);
  expect(marks.length).toBeGreaterThan(1400);
  expect(marks.slice(0, 1000).map(({ line }) => line)).toEqual(Array.from({ length: 1000 }, (_, n) => n + 1));
  const spread = marks.slice(1000).map(({ line }) => line);
  const gaps = new Set(spread.slice(1).map((line, index) => line - (spread[index] ?? 0)));
  expect(gaps.size).toBe(1);
  expect(spread.at(-1)).toBeGreaterThan(total * 0.99);
  expect(density.length).toBeGreaterThan(199);
  expect(density.length).toBeLessThanOrEqual(400);
  expect(density.reduce((sum, bucket) => sum + bucket.errors, 0)).toBe(total);
  expect(
    density.every(({ firstLine, lines }, n) => (density[n + 1]?.firstLine ?? total + 1) === firstLine + lines),
  ).toBe(true);
});

test('stays small when every line has a place and a component of its own', () => {
  const builder = new OutlineBuilder();
  for (let n = 0; n < 10_000; n++) builder.add({ runs: [[1, n, 1, `c${n}`, n % 60_000, 0]] });
  const { sections, components, lines } = builder.outline();
  expect([sections.length, components.length, lines]).toEqual([2000, 101, 10_000]);
  expect(sections.reduce((sum, section) => sum + section.lines, 0)).toBe(10_000);
});

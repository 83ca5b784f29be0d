import type { LineRun } from '@kiln/protocol/frame.ts';
import { describe, expect, it } from 'vitest';
import { markAfter, markBefore, Outline } from './outline.ts';

const run = (lines: number, level: number, phase: number, step: number): LineRun => [
  lines,
  1000,
  level,
  'output',
  phase,
  step,
];
const frame = (firstLine: number, ...runs: LineRun[]) => ({
  firstLine,
  lines: runs.reduce((sum, [lines]) => sum + lines, 0),
  runs,
});

describe('the outline of a log', () => {
  it('grows with live frames, and takes each line once', () => {
    const outline = new Outline();
    expect(outline.add(frame(1, run(4, 1, 0, -1), run(2, 2, 0, 0)))).toBe(true);
    expect(outline.add(frame(5, run(2, 2, 0, 0), run(1, 4, 0, 0)))).toBe(true);
    expect(outline.add(frame(1, run(4, 1, 0, -1)))).toBe(false);
    expect([outline.lines, outline.warnings, outline.errors]).toEqual([7, 2, 1]);
    expect(outline.sections.map(({ step, firstLine, lines }) => [step, firstLine, lines])).toEqual([
      [-1, 1, 4],
      [0, 5, 3],
    ]);
    expect(outline.marks).toEqual([
      { line: 5, isError: false },
      { line: 6, isError: false },
      { line: 7, isError: true },
    ]);
    expect(outline.components.get('output')).toBe(7);
  });

  it('knows that it misses something after a gap', () => {
    const outline = new Outline();
    outline.add(frame(10, run(1, 1, 0, 0)));
    expect([outline.stale, outline.lines]).toEqual([true, 0]);
  });

  it('finds the marks on both sides of a line', () => {
    const marks = [4, 9, 12].map((line) => ({ line, isError: line === 9 }));
    expect([3, 4, 9, 11, 12].map((line) => markAfter(marks, line)?.line)).toEqual([4, 9, 12, 12, undefined]);
    expect([4, 5, 9, 12, 99].map((line) => markBefore(marks, line)?.line)).toEqual([undefined, 4, 4, 9, 12]);
  });
});

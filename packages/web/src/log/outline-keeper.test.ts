import type { LogOutlineAnswer } from '@kiln/protocol/log-api.ts';
import { describe, expect, it } from 'vitest';
import { OutlineKeeper } from './outline-keeper.ts';

const answer = (lines: number): LogOutlineAnswer => ({
  jobId: 'x',
  attempt: 1,
  complete: false,
  lines,
  levels: { DEBUG: 0, INFO: lines, WARN: 0, ERROR: 0, FATAL: 0 },
  components: [],
  sections: [{ phase: 0, step: 0, firstLine: 1, lines, firstTime: 1, lastTime: 2, warnings: 0, errors: 0 }],
  marks: [],
  density: [],
});
const frame = (firstLine: number, lines: number) => ({
  firstLine,
  lines,
  runs: [[lines, 5, 2, 'output', 0, 0] as [number, number, number, string, number, number]],
});

describe('the outline of a log that grows', () => {
  it('has the frames that came while the farm was asked', async () => {
    let give: (answer: LogOutlineAnswer) => void = () => undefined;
    const keeper = new OutlineKeeper(
      () => new Promise((resolve) => (give = resolve)),
      () => undefined,
    );
    const loading = keeper.load();
    keeper.add(frame(91, 10));
    keeper.add(frame(101, 10));
    give(answer(95));
    await loading;
    expect([keeper.outline.lines, keeper.outline.warnings]).toEqual([110, 15]);
    keeper.add(frame(111, 1));
    expect(keeper.outline.lines).toBe(111);
    keeper.stop();
  });

  it('takes the last answer when it was asked for twice, and none after it was stopped', async () => {
    const gives: ((answer: LogOutlineAnswer) => void)[] = [];
    const keeper = new OutlineKeeper(
      () => new Promise((resolve) => gives.push(resolve)),
      () => undefined,
    );
    const loads = [keeper.load(), keeper.load()];
    gives[1]?.(answer(20));
    gives[0]?.(answer(10));
    await Promise.all(loads);
    expect(keeper.outline.lines).toBe(20);
    const last = keeper.load();
    keeper.stop();
    gives[2]?.(answer(30));
    await last;
    expect(keeper.outline.lines).toBe(20);
  });
});

import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import { describe, expect, it } from 'vitest';
import { foldDone, formatFolds, isFolded, parseFolds, withFold } from './folds.ts';
import { groupBeside, groupsAt, groupsOf, hiddenBy } from './groups.ts';
import type { Section } from './outline.ts';
import { Rows } from './rows.ts';

const section = (phase: number, step: number, firstLine: number, lines: number, errors = 0): Section => ({
  phase,
  step,
  firstLine,
  lines,
  firstTime: firstLine * 10,
  lastTime: (firstLine + lines) * 10,
  warnings: 0,
  errors,
});
const report = (name: string, state: PhaseReport['state'], steps: string[]): PhaseReport => ({
  name,
  weight: 1,
  state,
  startedAt: 5,
  finishedAt: state === 'running' ? null : 900,
  steps: steps.map((step) => ({
    name: step,
    state,
    startedAt: 6,
    finishedAt: state === 'running' ? null : 800,
    exitCode: null,
    signal: null,
    firstLine: 1,
  })),
});

/** Greeting, then `fetch` with one step, then `build` with two, whose second fails; the verdict at the end. */
const sections = [
  section(-1, -1, 1, 2),
  section(0, -1, 3, 1),
  section(0, 0, 4, 10),
  section(0, -1, 14, 1),
  section(1, -1, 15, 1),
  section(1, 0, 16, 100),
  section(1, 1, 116, 50, 3),
  section(1, -1, 166, 1),
  section(-1, -1, 167, 1),
];
const phases = [report('fetch', 'completed', ['checkout']), report('build', 'failed', ['configure', 'make'])];
const groups = groupsOf(sections, phases, true);

describe('the groups of a log', () => {
  it('are phases and their steps, with the names and states that the agent reported', () => {
    expect(groups.map(({ key, first, last, depth, name, errors }) => [key, first, last, depth, name, errors])).toEqual([
      ['0', 3, 14, 0, 'fetch', 0],
      ['0.0', 4, 13, 1, 'checkout', 0],
      ['1', 15, 166, 0, 'build', 3],
      ['1.0', 16, 115, 1, 'configure', 0],
      ['1.1', 116, 165, 1, 'make', 3],
    ]);
    expect(groupsAt(groups, 120).map(({ key }) => key)).toEqual(['1', '1.1']);
    expect(groupsAt(groups, 167)).toEqual([]);
    expect(groupBeside(groups, 16, 1)?.key).toBe('1.1');
    expect(groupBeside(groups, 16, -1)?.key).toBe('1');
  });

  it('are there without the report, and when a step begins its phase', () => {
    const bare = groupsOf([section(0, 0, 1, 5), section(0, 1, 6, 5), section(1, -1, 11, 2)], [], false);
    expect(bare.map(({ key, name, to }) => [key, name, to])).toEqual([
      ['0', 'phase 1', null],
      ['0.1', 'step 2', null],
      ['1', 'phase 2', null],
    ]);
  });

  it('hide all but their first line when they are folded', () => {
    const folds = parseFolds('done,1.1');
    expect(folds && hiddenBy(groups, (group) => isFolded(folds, group))).toEqual([
      { first: 4, last: 14 },
      { first: 5, last: 13 },
      { first: 117, last: 165 },
    ]);
    const rows = Rows.without(
      167,
      hiddenBy(groups, (group) => folds !== null && isFolded(folds, group)),
    );
    expect(rows.count).toBe(167 - 11 - 49);
  });
});

describe('folds in the address', () => {
  it('come back as they were written, and garbage folds nothing', () => {
    for (const text of ['none', 'done', '0,1.2', 'done,4,-0.1']) {
      const folds = parseFolds(text);
      expect(folds && formatFolds(folds)).toBe(text);
    }
    expect(formatFolds(parseFolds('x,--1,1.2.3,<b>') ?? foldDone(true))).toBe('none');
    expect(parseFolds(undefined)).toBeNull();
  });

  it('open one of those that ended well, and fold it again', () => {
    const [fetch] = groups;
    if (!fetch) throw new Error('there is a group');
    const open = withFold(foldDone(true), [fetch], false);
    expect([isFolded(foldDone(true), fetch), isFolded(open, fetch)]).toEqual([true, false]);
    expect(isFolded(withFold(open, [fetch], true), fetch)).toBe(true);
  });
});

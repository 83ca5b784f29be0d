import { Progress } from '@kiln/protocol/agent-messages.ts';
import { Check } from 'typebox/value';
import { expect, test } from 'vitest';
import { ProgressTracker } from './progress.ts';

const phases = [
  { name: 'a', weight: 1, steps: [{ name: 'one' }, { name: 'two' }] },
  { name: 'b', weight: 3, steps: [{ name: 'three' }] },
];
const success = { exitCode: 0, signal: null };

function track() {
  const percents: number[] = [];
  const tracker: ProgressTracker = new ProgressTracker(phases, () => percents.push(tracker.snapshot().percent));
  const step = (phase: number, number: number, state: 'completed' | 'failed' = 'completed') => {
    tracker.stepStarted({ phase, step: number }, 1);
    tracker.stepEnded({ phase, step: number }, state, success);
  };
  return { tracker, percents, step };
}

test('phases count by weight, steps by number, and 100 is only for a completed job', () => {
  const { tracker, percents, step } = track();
  tracker.phaseStarted(0);
  step(0, 0);
  step(0, 1);
  tracker.phaseEnded(0, 'completed', 'skipped');
  tracker.phaseStarted(1);
  tracker.told({ phase: 1, step: 0 }, 50, 'half');
  expect(tracker.snapshot()).toMatchObject({ percent: 62.5, text: 'half' });
  step(1, 0);
  tracker.phaseEnded(1, 'completed', 'skipped');
  expect(percents).toEqual([0, 12.5, 12.5, 25, 25, 62.5, 62.5, 99, 99]);
  tracker.completed('done');
  expect(tracker.snapshot()).toMatchObject({ percent: 100, text: 'done' });
});

test('a failed phase keeps what it reached, and what a step says of a phase that is over is not heard', () => {
  const { tracker, step } = track();
  tracker.phaseStarted(0);
  step(0, 0, 'failed');
  tracker.phaseEnded(0, 'failed', 'skipped');
  tracker.told({ phase: 0, step: 0 }, 100, 'late');
  expect(tracker.snapshot()).toMatchObject({ percent: 12.5, text: 'a: one' });
  expect(tracker.snapshot().phases[0]?.steps.map(({ state }) => state)).toEqual(['failed', 'skipped']);
});

test('a job with more phases, steps or letters than a message holds is still told about', () => {
  const steps = Array.from({ length: 1500 }, () => ({ name: `\u0000${'long '.repeat(1000)}` }));
  const many = Array.from({ length: 1200 }, (_, i) => ({ name: `phase ${i}`, weight: 1, steps: i === 0 ? steps : [] }));
  const tracker = new ProgressTracker(many, () => {});
  tracker.phaseStarted(0);
  tracker.stepStarted({ phase: 0, step: 1400 }, 1);
  expect(Check(Progress, tracker.snapshot())).toBe(true);
});

test('a text is made fit for pages: one line, no control characters, not too long', () => {
  const { tracker } = track();
  tracker.phaseStarted(0);
  tracker.told({ phase: 0, step: 0 }, 1, `\u001b[31mred\u001b[0m\u0000 ${'x'.repeat(500)}`);
  const { text } = tracker.snapshot();
  expect(text.startsWith('red  x')).toBe(true);
  expect(text.length).toBe(200);
});

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ProgressSender } from './progress-sender.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

test('what a step says is told about four times a second, the last of it too', () => {
  let told = 0;
  const sender = new ProgressSender(() => told++);
  for (let i = 0; i < 100; i++) {
    sender.changed(false);
    vi.advanceTimersByTime(10);
  }
  expect(told).toBe(4);
  // The last one was told, too, and nobody repeats it.
  vi.advanceTimersByTime(1000);
  expect(told).toBe(4);
  sender.changed(false);
  expect(told).toBe(5);
  sender.changed(false);
  sender.stop();
  vi.advanceTimersByTime(1000);
  expect(told).toBe(5);
});

test('a step that begins or ends does not wait for what another one said, but for those that follow at once', () => {
  let told = 0;
  const sender = new ProgressSender(() => told++);
  sender.changed(true);
  sender.changed(false);
  vi.advanceTimersByTime(50);
  expect(told).toBe(1);
  sender.changed(true);
  expect(told).toBe(2);
  for (let i = 0; i < 10; i++) sender.changed(true);
  vi.advanceTimersByTime(25);
  expect(told).toBe(3);
});

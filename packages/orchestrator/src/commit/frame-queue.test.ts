import type { NewFrame } from '@kiln/store/frames.ts';
import { expect, test } from 'vitest';
import { FrameQueue } from './frame-queue.ts';

function frame(jobId: string, sequence: number, bytes = 10): NewFrame {
  const numbers = { attempt: 1, fence: 1, firstLine: 1, lines: 1, firstTime: 1, lastTime: 1 };
  return { jobId, sequence, bytes, ...numbers, data: new Uint8Array(bytes) };
}

const names = (frames: NewFrame[]) => frames.map(({ jobId, sequence }) => `${jobId}${sequence}`);

test('jobs take turns, each in its own order', () => {
  const queue = new FrameQueue();
  for (let n = 1; n <= 1000; n++) queue.push(frame('a', n));
  queue.push(frame('b', 1));
  queue.push(frame('c', 1));
  queue.push(frame('b', 2));
  expect(names(queue.take(4, 1000))).toEqual(['a1', 'b1', 'c1', 'a2']);
  expect(names(queue.take(4, 1000))).toEqual(['b2', 'a3', 'a4', 'a5']);
  expect([queue.has('a'), queue.has('b'), queue.empty]).toEqual([true, false, false]);
  queue.forget('a');
  expect(queue.empty).toBe(true);
});

test('a helping has its bounds, but never less than one frame', () => {
  const queue = new FrameQueue();
  queue.push(frame('a', 1, 500));
  queue.push(frame('a', 2, 60));
  queue.push(frame('a', 3, 60));
  expect(names(queue.take(10, 100))).toEqual(['a1']);
  expect(names(queue.take(10, 100))).toEqual(['a2']);
  expect(names(queue.take(10, 100))).toEqual(['a3']);
  expect(queue.take(10, 100)).toEqual([]);
});

import { expect, test } from 'vitest';
import { retryDelayMs } from './backoff.ts';

test('the first try comes at once, the next ones within 1 s growing by half up to a minute', () => {
  expect([retryDelayMs(0, 0), retryDelayMs(0, 1)]).toEqual([50, 150]);
  expect([1, 2, 3].map((failures) => retryDelayMs(failures, 1))).toEqual([1000, 1500, 2250]);
  expect([retryDelayMs(40, 1), retryDelayMs(10_000, 1)]).toEqual([60_000, 60_000]);
  expect(retryDelayMs(5, 0)).toBe(50);
});

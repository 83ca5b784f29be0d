import { expect, test } from 'vitest';
import { backoffMs } from './backoff.ts';

test('a wait doubles up to its cap, half of it by chance', () => {
  const backoff = { firstMs: 200, capMs: 1_000 };
  expect([1, 2, 3, 4, 5_000].map((n) => backoffMs(n, backoff, 1))).toEqual([200, 400, 800, 1_000, 1_000]);
  expect([1, 2, 3, 4, 5_000].map((n) => backoffMs(n, backoff, 0))).toEqual([100, 200, 400, 500, 500]);
});

test('the factor and the part left to chance are the caller’s', () => {
  expect(backoffMs(3, { firstMs: 100, capMs: 60_000, factor: 1.5, jitter: 1 }, 1)).toBe(225);
  expect(backoffMs(3, { firstMs: 100, capMs: 60_000, jitter: 1 }, 0)).toBe(0);
  expect(backoffMs(3, { firstMs: 100, capMs: 60_000, jitter: 0 }, 0.3)).toBe(400);
});

test('before a first failure the wait is that of the first', () => {
  expect(backoffMs(0, { firstMs: 100, capMs: 60_000, jitter: 0 })).toBe(100);
});

test('by chance it is somewhere within the bounds', () => {
  for (let n = 0; n < 100; n++) {
    const wait = backoffMs(1, { firstMs: 100, capMs: 100 });
    expect(wait).toBeGreaterThanOrEqual(50);
    expect(wait).toBeLessThan(100);
  }
});

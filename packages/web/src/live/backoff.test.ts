import { describe, expect, it } from 'vitest';
import { reconnectDelay } from './backoff.ts';

describe('the wait before a try to reconnect', () => {
  it('grows by half from one second to thirty, less up to three tenths', () => {
    expect([1, 2, 3, 20].map((attempt) => reconnectDelay(attempt, () => 1))).toEqual([1000, 1500, 2250, 30_000]);
    expect(reconnectDelay(1, () => 0)).toBe(700);
  });
});

import { expect, test } from 'vitest';
import { deathsInARow, restartDelayMs } from './restart-delay.ts';

/** Waits before each restart of something that always lives so long. */
function waits(livedMs: number, deaths: number): number[] {
  let inARow = 0;
  return Array.from({ length: deaths }, () => {
    inARow = deathsInARow(inARow, livedMs);
    return restartDelayMs(inARow);
  });
}

test('what dies at once is started ever later, up to half a minute', () => {
  expect(waits(1000, 11)).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
});

test('what works for a while before it dies is soon back, however often', () => {
  expect(waits(6000, 4)).toEqual([100, 100, 100, 100]);
});

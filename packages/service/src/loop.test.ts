import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createLogger } from './log.ts';
import { Loop, type LoopOptions } from './loop.ts';

const log = createLogger({
  level: 'error',
  format: 'json',
  service: 'test',
  instance: 't',
  destination: { write: () => {} },
});
let stop: AbortController;
/** Milliseconds from the start at which a round began. */
let rounds: number[];
let startedAt: number;

beforeEach(() => {
  vi.useFakeTimers();
  stop = new AbortController();
  rounds = [];
  startedAt = Date.now();
});
afterEach(() => {
  stop.abort();
  vi.useRealTimers();
});

/** Starts a loop whose rounds take no time, or as long as `work` does; returns what wakes it. */
function start(options: Omit<LoopOptions, 'wake'>, work = async () => {}) {
  let wakeUp = () => {};
  let isSubscribed = false;
  const wake = (given: () => void) => {
    wakeUp = given;
    isSubscribed = true;
    return () => {
      isSubscribed = false;
    };
  };
  const round = async () => {
    rounds.push(Date.now() - startedAt);
    await work();
  };
  const loop = new Loop('tested', { ...options, wake }, round, stop.signal, log);
  return { loop, wakeUp: () => wakeUp(), isSubscribed: () => isSubscribed };
}

const work = (ms: number) => async () => await new Promise<void>((resolve) => setTimeout(resolve, ms));

test('a round begins when something is due, at the latest after the longest pause', async () => {
  const due = [300, null, 5_000, -20, 400];
  start({ everyMs: 1_000, nextDueMs: () => due.shift() ?? null });
  await vi.advanceTimersByTimeAsync(3_000);
  // Each a millisecond after it is due: 300, the longest pause twice, at once, 400.
  expect(rounds).toEqual([0, 301, 1_301, 2_301, 2_302, 2_703]);
});

test('what is due is asked anew after each round, also one that was woken', async () => {
  let dueMs = 800;
  const { wakeUp } = start({ everyMs: 1_000, nextDueMs: async () => dueMs });
  await vi.advanceTimersByTimeAsync(100);
  dueMs = 50;
  wakeUp();
  await vi.advanceTimersByTimeAsync(60);
  expect(rounds).toEqual([0, 100, 151]);
});

test('a question for what is due that fails is a failed round', async () => {
  const { loop } = start({
    everyMs: 60_000,
    nextDueMs: () => {
      throw new Error('the database is away');
    },
  });
  await vi.advanceTimersByTimeAsync(150);
  expect(loop.state()).toMatchObject({ failures: expect.any(Number), lastError: 'the database is away' });
  expect(loop.state().failures).toBeGreaterThan(0);
  expect(loop.state().lastSuccessAt).toBeNull();
});

test('wakes within the time of gathering lead to one round', async () => {
  const { wakeUp } = start({ everyMs: 60_000, gatherMs: 500 });
  await vi.advanceTimersByTimeAsync(1_000);
  for (let n = 0; n < 4; n++) {
    wakeUp();
    await vi.advanceTimersByTimeAsync(100);
  }
  await vi.advanceTimersByTimeAsync(10_000);
  expect(rounds).toEqual([0, 1_500]);
});

test('gathering never makes a pause longer', async () => {
  const { wakeUp } = start({ everyMs: 1_000, gatherMs: 500 });
  await vi.advanceTimersByTimeAsync(900);
  wakeUp();
  await vi.advanceTimersByTimeAsync(400);
  expect(rounds).toEqual([0, 1_000]);
});

test('woken during a round, it runs once more: at once, or when it has gathered', async () => {
  const atOnce = start({ everyMs: 60_000 }, work(100));
  await vi.advanceTimersByTimeAsync(50);
  atOnce.wakeUp();
  atOnce.wakeUp();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(rounds).toEqual([0, 100]);

  rounds = [];
  startedAt = Date.now();
  const gathering = start({ everyMs: 60_000, gatherMs: 500 }, work(100));
  await vi.advanceTimersByTimeAsync(50);
  gathering.wakeUp();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(rounds).toEqual([0, 600]);
});

test('the end comes after the round under way, or at once in a pause, and leaves nothing behind', async () => {
  const busy = start({ everyMs: 1_000 }, work(100));
  await vi.advanceTimersByTimeAsync(50);
  stop.abort();
  let hasEnded = false;
  void busy.loop.ended.then(() => {
    hasEnded = true;
  });
  await vi.advanceTimersByTimeAsync(40);
  expect([hasEnded, busy.isSubscribed()]).toEqual([false, true]);
  await vi.advanceTimersByTimeAsync(20);
  expect([hasEnded, busy.isSubscribed()]).toEqual([true, false]);

  stop = new AbortController();
  const idle = start({ everyMs: 1_000 });
  await vi.advanceTimersByTimeAsync(10);
  stop.abort();
  await idle.loop.ended;
  expect(vi.getTimerCount()).toBe(0);
});

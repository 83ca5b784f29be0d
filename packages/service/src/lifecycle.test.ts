import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Lifecycle } from './lifecycle.ts';
import { createLogger } from './log.ts';
import { loopBackoffMs } from './loop.ts';

const lines: Record<string, unknown>[] = [];
const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
const log = createLogger({ level: 'info', format: 'json', service: 'test', instance: 't', destination });
let life: Lifecycle;
// No part of this waits for anything but timers: the tests turn the clock.
beforeEach(() => {
  vi.useFakeTimers();
  lines.length = 0;
  life = new Lifecycle(log, { stopLimitMs: 300 });
});
afterEach(async () => {
  await stopped();
  vi.useRealTimers();
});

/** Lets time pass, and everything happen that is due in it. */
const pass = async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms));

/** Stops, with as much time as the parts may take. */
async function stopped(): Promise<void> {
  const stopping = life.stop();
  await pass(10_000);
  await stopping;
}

const after = async (ms: number) => await new Promise((resolve) => setTimeout(resolve, ms));

function bell() {
  const rings = new Set<() => void>();
  return {
    rings,
    ring: () => {
      for (const ring of rings) ring();
    },
    wake: (ring: () => void) => {
      rings.add(ring);
      return () => void rings.delete(ring);
    },
  };
}

test('a loop runs at once, then on its timer', async () => {
  let rounds = 0;
  life.loop('tick', { everyMs: 10 }, async () => void rounds++);
  expect(rounds).toBe(0);
  await pass(0);
  expect(rounds).toBe(1);
  await pass(20);
  expect(rounds).toBe(3);
  expect(life.loops()).toMatchObject([{ name: 'tick', failures: 0, lastError: null, lastSuccessAt: Date.now() }]);
});

test('a ring ends the pause', async () => {
  const { ring, wake } = bell();
  let rounds = 0;
  life.loop('rung', { everyMs: 60_000, wake }, async () => void rounds++);
  await pass(0);
  expect(rounds).toBe(1);
  ring();
  await pass(0);
  expect(rounds).toBe(2);
});

test('rung many times while it runs it runs once more, and never twice at once', async () => {
  const { ring, wake } = bell();
  let rounds = 0;
  let running = 0;
  let most = 0;
  life.loop('busy', { everyMs: 60_000, wake }, async () => {
    most = Math.max(most, ++running);
    rounds++;
    await after(20);
    running--;
  });
  await pass(0);
  expect(running).toBe(1);
  for (let i = 0; i < 50; i++) ring();
  await pass(50_000);
  expect({ rounds, most }).toEqual({ rounds: 2, most: 1 });
});

test('an error is logged and backs off, rings cannot hurry it, and it recovers', async () => {
  const { ring, wake } = bell();
  let rounds = 0;
  life.loop('faulty', { everyMs: 5, wake }, async () => {
    rounds++;
    if (rounds < 3) throw new Error('the database is away');
  });
  const ringing = setInterval(ring, 1);
  await pass(0);
  expect(life.loops()[0]).toMatchObject({ failures: 1, lastError: 'the database is away' });
  await pass(90);
  expect(rounds).toBe(1);
  await pass(1000);
  expect(rounds).toBeGreaterThan(3);
  clearInterval(ringing);
  expect(life.loops()[0]).toMatchObject({ failures: 0, lastError: null });
  expect(lines.filter((line) => line.level === 'error')).toHaveLength(2);
  expect(lines[0]).toMatchObject({ loop: 'faulty', error: 'the database is away', failures: 1 });
});

test('the backoff doubles with jitter up to the pause of the loop, at most 30 s, at least 1 s', () => {
  expect([1, 2, 3, 4].map((n) => loopBackoffMs(n, 60_000, 1))).toEqual([200, 400, 800, 1600]);
  expect(loopBackoffMs(1, 60_000, 0)).toBe(100);
  expect(loopBackoffMs(50, 3_600_000, 1)).toBe(30_000);
  expect(loopBackoffMs(50, 5000, 1)).toBe(5000);
  expect(loopBackoffMs(1000, 1, 1)).toBe(1000);
});

test('stop aborts, waits for the round under way, takes the bell back, then closes in reverse order', async () => {
  const { rings, wake } = bell();
  const order: string[] = [];
  life.onStop('first', () => order.push('first'));
  life.onStop('second', async () => {
    await after(10);
    order.push('second');
  });
  life.loop('work', { everyMs: 10, wake }, async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    order.push('aborted');
    await after(10);
    order.push('round done');
  });
  await pass(0);
  expect(life.loops()[0]?.runningSince).not.toBeNull();
  await Promise.all([life.stop(), stopped()]);
  await life.stopped;
  expect(order).toEqual(['aborted', 'round done', 'second', 'first']);
  expect(rings.size).toBe(0);
  expect(lines).toEqual([]);
});

test('a part that hangs or fails does not hold up the others', async () => {
  const order: string[] = [];
  life.onStop('last', () => order.push('last'));
  life.onStop('broken', () => Promise.reject(new Error('no')));
  life.onStop('hanging', () => new Promise(() => {}));
  life.loop('deaf', { everyMs: 10 }, () => new Promise(() => {}));
  await stopped();
  expect(order).toEqual(['last']);
  expect(lines.map((line) => [line.part, line.error])).toEqual([
    ['loop deaf', 'loop deaf did not stop within 300 ms'],
    ['hanging', 'hanging did not stop within 300 ms'],
    ['broken', 'no'],
  ]);
});

test('after the stop no loop starts, and what should be closed is closed at once', async () => {
  await stopped();
  let rounds = 0;
  let closed = false;
  life.loop('late', { everyMs: 1 }, async () => void rounds++);
  life.onStop('late', () => {
    closed = true;
  });
  await pass(1000);
  expect({ rounds, closed, loops: life.loops() }).toEqual({ rounds: 0, closed: true, loops: [] });
});

import { EVENT_POLICY } from '@kiln/protocol/events.ts';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  type EventLease,
  eventBackoffMs,
  expireEventLeases,
  failEvent,
  finishEvents,
  type LeasedEvent,
  leaseEvents,
  returnEvents,
  untilNextEvent,
} from './event-leases.ts';
import {
  countDeadLetters,
  discardDeadLetter,
  getEvent,
  insertEvent,
  insertEvents,
  listDeadLetters,
  listRequestEvents,
  type NewEvent,
  retryDeadLetter,
} from './events.ts';
import { testDatabase } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());
beforeEach(async () => {
  await made.db`DELETE FROM events`;
});

const event = (deliveryId: string, more: Partial<NewEvent> = {}): NewEvent => ({
  source: 'github',
  deliveryId,
  name: 'webhook.push',
  routingKey: 'github:42',
  payload: { repository: 'owner/name' },
  ...more,
});
const outcome = { result: 'ignored', reason: 'a test' } as const;
const lease = async (limit = 10) => await leaseEvents(made.db, { instance: 'one', limit });

/** Leases an event whose holder is killed then: its time is over. */
async function leaseAndDie(): Promise<LeasedEvent | undefined> {
  const [leased] = await lease(1);
  await made.db`UPDATE events SET lease_expires_at = now() WHERE status = 'leased'`;
  return leased;
}

/** Fails an event until it is dead. */
async function kill(deliveryId: string): Promise<string> {
  const { eventId } = await insertEvent(made.db, event(deliveryId));
  for (let n = 0; n < EVENT_POLICY.attempts; n++) {
    await made.db`UPDATE events SET next_attempt_at = now() WHERE event_id = ${eventId}`;
    const [leased] = await lease();
    if (leased) await failEvent(made.db, leased, `broken ${deliveryId}`);
  }
  return eventId;
}

describe('storing', () => {
  test('a second delivery has the ids of the first, even at the same moment', async () => {
    const stored = await Promise.all(Array.from({ length: 8 }, async () => await insertEvent(made.db, event('d1'))));
    expect(stored.filter((one) => !one.duplicate)).toHaveLength(1);
    expect(new Set(stored.map((one) => `${one.eventId} ${one.requestId}`)).size).toBe(1);
    expect(await insertEvent(made.db, event('d1', { source: 'gitea' }))).toMatchObject({ duplicate: false });
  });

  test('a batch keeps its order, knows its duplicates, and answers in order', async () => {
    await insertEvent(made.db, event('b'));
    const stored = await insertEvents(
      made.db,
      ['c', 'b', 'a', 'c'].map((id) => event(id)),
    );
    expect(stored.map((one) => one.duplicate)).toEqual([false, true, false, true]);
    expect(stored[3]?.eventId).toBe(stored[0]?.eventId);
    expect((await lease()).map((leased) => leased.deliveryId)).toEqual(['b', 'c', 'a']);
  });

  test('the request of the caller is kept', async () => {
    const requestId = '11111111-1111-4111-8111-111111111111';
    const stored = await insertEvent(made.db, event('d', { requestId }));
    expect(stored.requestId).toBe(requestId);
    expect(await listRequestEvents(made.db, requestId)).toMatchObject([
      { eventId: stored.eventId, status: 'pending', outcome: '' },
    ]);
  });
});

describe('leasing', () => {
  test('an event is given to one holder, with a fence and an attempt', async () => {
    await insertEvents(
      made.db,
      Array.from({ length: 40 }, (_, n) => event(String(n))),
    );
    const leased = (await Promise.all(Array.from({ length: 8 }, async () => await lease(7)))).flat();
    expect(new Set(leased.map((one) => one.eventId)).size).toBe(40);
    expect(leased.every((one) => one.fence === 1 && one.attempts === 1)).toBe(true);
    expect(await lease()).toEqual([]);
  });

  test('whoever lost the lease can neither finish nor fail the event', async () => {
    const { eventId } = await insertEvent(made.db, event('d'));
    const stale = await leaseAndDie();
    if (!stale) throw new Error('nothing leased');
    expect(await expireEventLeases(made.db)).toMatchObject([{ eventId, claimedBy: 'one', attempts: 1, dead: false }]);
    const [fresh] = await lease();
    if (!fresh) throw new Error('nothing leased again');
    expect(await finishEvents(made.db, [{ ...stale, outcome }])).toEqual([]);
    expect(await failEvent(made.db, stale, 'late')).toEqual({ result: 'stale' });
    await returnEvents(made.db, [stale], 0);
    expect(await finishEvents(made.db, [{ ...fresh, outcome }])).toEqual([eventId]);
    expect(await finishEvents(made.db, [{ ...fresh, outcome }])).toEqual([]);
    expect(await getEvent(made.db, eventId)).toMatchObject({ status: 'done', attempts: 2, outcome: 'ignored: a test' });
  });

  test('a lease that is given back was no attempt', async () => {
    const { eventId } = await insertEvent(made.db, event('d'));
    const leased: EventLease[] = await lease();
    await returnEvents(made.db, leased, 0);
    expect(await getEvent(made.db, eventId)).toMatchObject({ status: 'pending', attempts: 0 });
  });

  test('an event that kills each of its holders is dead in the end', async () => {
    const { eventId } = await insertEvent(made.db, event('poison'));
    for (let n = 1; n <= EVENT_POLICY.attempts; n++) {
      await leaseAndDie();
      expect(await expireEventLeases(made.db)).toMatchObject([{ attempts: n, dead: n === EVENT_POLICY.attempts }]);
    }
    expect(await getEvent(made.db, eventId)).toMatchObject({
      status: 'dead',
      dlqReason: 'lease expired',
      lastError: 'the lease of one expired',
    });
  });
});

describe('failing', () => {
  test('the wait is any part of a bound that doubles', () => {
    expect([1, 2, 3, 4].map((n) => eventBackoffMs(n, 1))).toEqual([5_000, 10_000, 20_000, 40_000]);
    expect(eventBackoffMs(3, 0)).toBe(0);
    expect(eventBackoffMs(50, 1)).toBe(EVENT_POLICY.backoffCapMs);
  });

  test('the next attempt is within the bound, and after the fifth there is none', async () => {
    const { eventId } = await insertEvent(made.db, event('d'));
    for (let n = 1; n <= EVENT_POLICY.attempts; n++) {
      const [leased] = await lease();
      if (!leased) throw new Error(`attempt ${n} was not leased`);
      const failed = await failEvent(made.db, leased, 'boom');
      expect(failed.result).toBe(n < EVENT_POLICY.attempts ? 'retry' : 'dead');
      const [row] = await made.db<{ ms: number }[]>`
        SELECT extract(epoch FROM next_attempt_at - now())::float8 * 1000 AS ms FROM events WHERE event_id = ${eventId}`;
      expect(row?.ms).toBeLessThanOrEqual(5_000 * 2 ** (n - 1));
      await made.db`UPDATE events SET next_attempt_at = now()`;
    }
    const dead = await getEvent(made.db, eventId);
    expect(dead).toMatchObject({ status: 'dead', attempts: 5, lastError: 'boom', dlqReason: 'failed 5 attempts' });
    expect(dead?.dlqAt).not.toBeNull();
    expect(await lease()).toEqual([]);
  });
});

describe('dead letters', () => {
  test('are listed from the newest on, page by page', async () => {
    const ids: string[] = [];
    for (const delivery of ['a', 'b', 'c']) ids.unshift(await kill(delivery));
    expect(await countDeadLetters(made.db)).toBe(3);
    const page = await listDeadLetters(made.db, 2);
    expect(page.map((one) => one.eventId)).toEqual(ids.slice(0, 2));
    expect(page[0]).toMatchObject({
      name: 'webhook.push',
      routingKey: 'github:42',
      attempts: 5,
      lastError: 'broken c',
    });
    expect((await listDeadLetters(made.db, 2, ids[1])).map((one) => one.eventId)).toEqual(ids.slice(2));
  });

  test('a year changes nothing', async () => {
    await kill('old');
    await made.db`UPDATE events SET dlq_at = now() - interval '1 year', received_at = now() - interval '1 year'`;
    expect(await expireEventLeases(made.db)).toEqual([]);
    expect(await countDeadLetters(made.db)).toBe(1);
  });

  test('a retry gives all attempts again, at once', async () => {
    const eventId = await kill('a');
    expect(await retryDeadLetter(made.db, eventId)).toBe(true);
    expect(await retryDeadLetter(made.db, eventId)).toBe(false);
    expect(await getEvent(made.db, eventId)).toMatchObject({
      status: 'pending',
      attempts: 0,
      dlqAt: null,
      dlqReason: null,
    });
    expect(await lease()).toMatchObject([{ eventId, attempts: 1 }]);
  });

  test('a discarded one is gone, and only a dead letter can be discarded', async () => {
    const eventId = await kill('a');
    const { eventId: alive } = await insertEvent(made.db, event('alive'));
    expect(await discardDeadLetter(made.db, alive)).toBe(false);
    expect(await discardDeadLetter(made.db, eventId)).toBe(true);
    expect(await discardDeadLetter(made.db, eventId)).toBe(false);
    expect(await getEvent(made.db, eventId)).toBeNull();
  });
});

test('the next event is due now, in a while, or never', async () => {
  expect(await untilNextEvent(made.db)).toBeNull();
  await insertEvent(made.db, event('soon'));
  await made.db`UPDATE events SET next_attempt_at = now() + interval '1 minute'`;
  expect(await untilNextEvent(made.db)).toBeGreaterThan(50_000);
  await made.db`UPDATE events SET next_attempt_at = now() - interval '1 minute'`;
  expect(await untilNextEvent(made.db)).toBe(0);
  await lease();
  expect(await untilNextEvent(made.db)).toBeNull();
});

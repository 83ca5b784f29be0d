import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { testDatabase } from './testing.ts';
import { leaseWatches, requestPolls, syncWatches, untilNextPoll, type Watch } from './watches.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());
beforeEach(async () => {
  await made.db`DELETE FROM watches`;
});

const sync = async (...watches: Watch[]) => await made.db.begin(async (sql) => await syncWatches(sql, watches));
const lease = async (...recipes: string[]) => await leaseWatches(made.db, { instance: 'one', limit: 10, recipes });

test('with nothing to look at there is no next look', async () => {
  expect(await untilNextPoll(made.db)).toBeNull();
  await sync({ recipe: 'asked', upstream: 'u', pollMs: null });
  expect(await untilNextPoll(made.db)).toBeNull();
});

test('a look that is overdue is due now, one under a lease when the lease ends', async () => {
  await sync({ recipe: 'often', upstream: 'u', pollMs: 3_600_000 });
  await made.db`UPDATE watches SET next_poll_at = now() - interval '1 hour'`;
  expect(await untilNextPoll(made.db)).toBe(0);
  expect(await lease('often')).toHaveLength(1);
  expect(await untilNextPoll(made.db)).toBeGreaterThan(0);
});

test('a look that is asked for is due now, also where no clock looks', async () => {
  await sync({ recipe: 'asked', upstream: 'u', pollMs: null });
  const requestId = '6a3a3c1e-6d5e-4b68-9d13-3b2f7a2f9f10';
  expect(await requestPolls(made.db, ['asked', 'unknown'], { requestId, traceparent: null })).toEqual(['asked']);
  expect(await untilNextPoll(made.db)).toBe(0);
  expect(await lease('asked')).toEqual([expect.objectContaining({ recipe: 'asked', requestId })]);
});

import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { leaseEvents } from '@kiln/store/event-leases.ts';
import { getEvent, insertEvent, insertEvents, retryDeadLetter } from '@kiln/store/events.ts';
import { testJob, testRecipe } from '@kiln/store/test-run.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestFarm, type TestNode, testFarm } from '../../../../tests/support/farm-context.ts';
import { until } from '../../../../tests/support/until.ts';
import { startRouting } from './routing.ts';
import { order, rosterOf, runsOf } from './test-router.ts';

let farm: TestFarm;
beforeEach(async () => {
  farm = await testFarm();
});
afterEach(async () => await farm.drop());

describe('failures', () => {
  const metric = async (node: TestNode, name: string) => {
    const found = await node.context.metrics.registry.getSingleMetric(`kiln_orch_${name}`)?.get();
    return found?.values[0]?.value;
  };
  /** Makes every waiting attempt due, until the event is done or dead. */
  const hurry = async () => {
    await farm.db`UPDATE events SET next_attempt_at = now() WHERE status = 'pending'`;
    farm.context.bus.publish(SUBJECTS.event, {});
  };

  test('an event that fails each time is dead after five attempts, and can be retried', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const { eventId, requestId } = await insertEvent(farm.db, { ...order('tool', '1.0'), payload: { recipe: 7 } });
    farm.context.bus.publish(SUBJECTS.event, {});
    await until('dead', async () => {
      await hurry();
      return (await getEvent(farm.db, eventId))?.status === 'dead';
    });
    const failed = farm.lines('event attempt failed');
    expect(failed.map((line) => [line.eventId, line.attempts])).toEqual([1, 2, 3, 4].map((n) => [eventId, n]));
    const [line] = await until('the last line', () => farm.lines('Event moved to DLQ'));
    expect(line).toMatchObject({ level: 'error', eventId, requestId, name: 'build', routingKey: 'recipe:tool' });
    expect(line?.lastError).toMatch(/the payload is not an order/);
    await until('the depth', async () => (await metric(farm, 'event_dlq_depth')) === 1);
    expect(await metric(farm, 'event_dlq_total')).toBe(1);
    expect(await farm.db`SELECT name FROM timeline`).toEqual([{ name: 'event.dead' }]);

    await farm.db`UPDATE events SET payload = ${farm.db.json({ recipe: 'tool', version: '1.0', ref: null, commit: null, force: false, by: 'x' })}`;
    expect(await retryDeadLetter(farm.db, eventId)).toBe(true);
    farm.context.bus.publish(SUBJECTS.event, {});
    await until('done', async () => (await getEvent(farm.db, eventId))?.status === 'done');
    expect(await runsOf(farm)).toHaveLength(1);
  });

  test('one bad event of a batch does not take the others along', async () => {
    const broken = testRecipe('broken', { jobs: [testJob('same'), testJob('same')] });
    await insertEvents(farm.db, [order('tool', '1.0'), order('broken', '1.0'), order('tool', '1.1')]);
    startRouting(farm.context, rosterOf(testRecipe('tool'), broken));
    await until('the good ones', async () => (await runsOf(farm)).length === 2);
    await until('the bad one', () => farm.lines('event attempt failed').length === 1);
    expect(await farm.db`SELECT status, count(*) FROM events GROUP BY 1 ORDER BY 1`).toEqual([
      { status: 'done', count: 2 },
      { status: 'pending', count: 1 },
    ]);
  });

  test('the events of a holder that was killed are taken back by the leader only', async () => {
    const { eventId } = await insertEvent(farm.db, order('tool', '1.0'));
    await leaseEvents(farm.db, { instance: 'killed', limit: 1 });
    await farm.db`UPDATE events SET lease_expires_at = now()`;
    const follower = await farm.join({ bus: farm.context.bus });
    startRouting(follower.context, rosterOf(testRecipe('tool')), { isLeader: () => false });
    const looked = () => follower.context.lifecycle.loops().every((loop) => loop.lastSuccessAt !== null);
    await until('the follower has looked', looked);
    expect((await getEvent(farm.db, eventId))?.status).toBe('leased');
    startRouting(farm.context, rosterOf(testRecipe('tool')), { isLeader: () => true });
    await until('done', async () => (await getEvent(farm.db, eventId))?.status === 'done');
    expect(farm.lines('event lease expired')).toMatchObject([
      { level: 'warn', eventId, claimed_by: 'killed', attempts: 1 },
    ]);
    expect(await metric(farm, 'event_lease_expirations_total')).toBe(1);
    expect(await metric(follower, 'event_lease_expirations_total')).toBe(0);
  });
});

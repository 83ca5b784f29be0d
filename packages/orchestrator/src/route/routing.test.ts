import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { insertEvents } from '@kiln/store/events.ts';
import { testRecipe } from '@kiln/store/test-run.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type TestFarm, type TestNode, testFarm } from '../../../../tests/support/farm-context.ts';
import { until } from '../../../../tests/support/until.ts';
import { startRouting } from './routing.ts';
import { order, rosterOf, runsOf } from './test-router.ts';

let farm: TestFarm;
beforeEach(async () => {
  farm = await testFarm();
});
afterEach(async () => await farm.drop());

test('two routers end a thousand events once each, duplicates and all', async () => {
  const roster = rosterOf(...[0, 1, 2, 3].map((n) => testRecipe(`tool${n}`)));
  const events = Array.from({ length: 1000 }, (_, n) => order(`tool${n % 4}`, `1.${n}`));
  const other = await farm.join();
  startRouting(farm.context, roster);
  startRouting(other.context, roster);
  const store = async (bus: TestNode['context']['bus']) => {
    for (let n = 0; n < events.length; n += 50) {
      await insertEvents(farm.db, events.slice(n, n + 50));
      bus.publish(SUBJECTS.event, {});
    }
  };
  await Promise.all([store(farm.context.bus), store(other.context.bus)]);
  await until(
    'all done',
    async () => (await farm.db`SELECT 1 FROM events WHERE status <> 'done' LIMIT 1`).length === 0,
  );
  expect(await farm.db`SELECT count(*), count(DISTINCT version), count(DISTINCT event_id) AS events FROM runs`).toEqual(
    [{ count: 1000, events: 1000 }],
  );
  expect(await farm.db`SELECT DISTINCT fence, attempts FROM events`).toEqual([{ fence: 1, attempts: 1 }]);
  expect(await farm.db`SELECT name, count(*) FROM timeline GROUP BY 1 ORDER BY 1`).toEqual([
    { name: 'event.matched', count: 1000 },
    { name: 'run.created', count: 1000 },
  ]);
  const told = [farm, other].map((node) => node.lines('run created').length);
  expect(told[0] ?? 0).toBeGreaterThan(0);
  expect(told[1] ?? 0).toBeGreaterThan(0);
});

test('two hundred orders are routed in two transactions', async () => {
  await insertEvents(
    farm.db,
    Array.from({ length: 200 }, () => order('tool', null)),
  );
  let commits = 0;
  farm.context.bus.subscribe(SUBJECTS.queue, () => void commits++);
  startRouting(farm.context, rosterOf(testRecipe('tool')));
  await until('all runs', async () => (await runsOf(farm)).length === 200);
  await until('the last commit is told', () => commits >= 2);
  expect(commits).toBe(2);
});

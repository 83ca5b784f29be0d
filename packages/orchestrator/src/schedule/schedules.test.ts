import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { testRecipe } from '@kiln/store/test-run.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestFarm, testFarm } from '../../../../tests/support/farm-context.ts';
import { until } from '../../../../tests/support/until.ts';
import { dueTick, schedulesOf } from './cron.ts';
import { startSchedules } from './schedules.ts';

describe('ticks', () => {
  const daily = (timezone?: string) => {
    const trigger = { schedule: '30 4 * * *', ...(timezone ? { timezone } : {}) };
    const [schedule] = schedulesOf(testRecipe('nightly', { triggers: [trigger] }));
    if (!schedule) throw new Error('no schedule');
    return schedule;
  };
  const at = (text: string) => new Date(text);

  test('a tick is due from its second on, once', () => {
    const { cron } = daily();
    const last = at('2024-01-01T04:30:00Z');
    expect(dueTick(cron, last, at('2024-01-02T04:29:59.999Z'))).toBeNull();
    expect(dueTick(cron, last, at('2024-01-02T04:30:00Z'))).toEqual(at('2024-01-02T04:30:00Z'));
    expect(dueTick(cron, at('2024-01-02T04:30:00Z'), at('2024-01-02T04:30:00.500Z'))).toBeNull();
  });

  test('of many that were missed, the latest counts', () => {
    expect(dueTick(daily().cron, at('2023-01-01T00:00:00Z'), at('2024-01-02T12:00:00Z'))).toEqual(
      at('2024-01-02T04:30:00Z'),
    );
  });

  test('the clock is that of the time zone, and a change to summer time loses no day', () => {
    const { cron } = daily('Europe/Berlin');
    expect(dueTick(cron, at('2024-03-30T12:00:00Z'), at('2024-03-31T12:00:00Z'))).toEqual(at('2024-03-31T02:30:00Z'));
    expect(daily('Europe/Berlin').expression).toBe('30 4 * * * Europe/Berlin');
    expect(daily().expression).toBe('30 4 * * * UTC');
  });
});

describe('the table of schedules', () => {
  let farm: TestFarm;
  beforeEach(async () => {
    farm = await testFarm();
  });
  afterEach(async () => await farm.drop());

  const everyMinute = testRecipe('often', { triggers: [{ schedule: '* * * * *' }] });
  const events = async () =>
    await farm.db<
      { deliveryId: string; payload: unknown }[]
    >`SELECT delivery_id, payload FROM events WHERE source = 'schedule'`;
  /** As if Kiln had been down for an hour. */
  const sleepAnHour = async () => {
    await farm.db`UPDATE schedules SET last_tick_at = now() - interval '1 hour'`;
  };

  test('adding a schedule starts nothing; missed ticks are made up for by one event, whoever is first', async () => {
    const roster = { all: () => [everyMinute], version: 0 };
    await startSchedules(farm.context, roster);
    expect(await events()).toEqual([]);
    await sleepAnHour();
    const others = await Promise.all([farm.join(), farm.join()]);
    await Promise.all(others.map(async ({ context }) => await startSchedules(context, roster)));
    const told = () => others.flatMap((node) => node.lines('schedule is due'));
    await until('the event', () => told().length > 0);
    await until('all have looked', () =>
      others.every(({ context }) => context.lifecycle.loops().every((loop) => loop.lastSuccessAt !== null)),
    );
    // A minute may turn over while this runs; two ticks are two events then, never two events of one tick.
    const found = await events();
    expect(new Set(found.map((event) => event.deliveryId)).size).toBe(found.length);
    expect(found.length).toBeLessThanOrEqual(2);
    expect(found[0]?.deliveryId).toMatch(/^often:\* \* \* \* \* UTC:\d{4}-\d\d-\d\dT\d\d:\d\d:00\.000Z$/);
    expect(found[0]?.payload).toMatchObject({ recipe: 'often', version: null, by: 'schedule * * * * * UTC' });
    expect(told()[0]).toMatchObject({ level: 'info', recipe: 'often', schedule: '* * * * * UTC' });
  });

  test('an orchestrator that has not heard of a newer roster changes nothing', async () => {
    await startSchedules(farm.context, { all: () => [everyMinute], version: 0 });
    await farm.db`UPDATE roster SET version = 7`;
    const late = await farm.join();
    await startSchedules(late.context, { all: () => [], version: 0 });
    expect(await farm.db`SELECT recipe FROM schedules`).toEqual([{ recipe: 'often' }]);
    const knowing = await farm.join();
    await startSchedules(knowing.context, { all: () => [], version: 7 });
    expect(await farm.db`SELECT recipe FROM schedules`).toEqual([]);
  });

  test('a reload adds and removes schedules', async () => {
    const recipes = [testRecipe('quiet')];
    await startSchedules(farm.context, { all: () => recipes, version: 0 });
    recipes.push(everyMinute);
    farm.context.bus.publish(SUBJECTS.roster, {});
    await until('it is there', async () => (await farm.db`SELECT 1 FROM schedules`).length === 1);
    await sleepAnHour();
    recipes.pop();
    farm.context.bus.publish(SUBJECTS.roster, {});
    await until('it is gone', async () => (await farm.db`SELECT 1 FROM schedules`).length === 0);
    expect(await events()).toEqual([]);
  });
});

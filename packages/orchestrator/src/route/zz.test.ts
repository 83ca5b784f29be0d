import { randomUUID } from 'node:crypto';
import { SUBJECTS } from '@kiln/protocol/live.ts';
import { finishEvents, leaseEvents } from '@kiln/store/event-leases.ts';
import { insertEvents } from '@kiln/store/events.ts';
import { createRun } from '@kiln/store/runs.ts';
import { testRecipe } from '@kiln/store/test-run.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { test } from 'vitest';
import { testFarm, until } from '../../../../tests/support/farm-context.ts';
import { startRouting } from './routing.ts';

test('x', async () => {
  const farm = await testFarm();
  const recipe = testRecipe('tool');
  const order = (n: number) => ({
    source: 'manual' as const,
    deliveryId: randomUUID(),
    name: 'build' as const,
    routingKey: 'r',
    payload: { recipe: 'tool', version: null, ref: null, commit: null, force: false, by: 'a' },
  });
  startRouting(farm.context, { all: () => [recipe], get: () => recipe });
  for (let r = 0; r < 6; r++) {
    await insertEvents(
      farm.db,
      Array.from({ length: 200 }, (_, n) => order(n)),
    );
    let done = 0;
    const t = performance.now();
    const off = farm.context.bus.subscribe(SUBJECTS.queue, () => {
      done = performance.now() - t;
    });
    farm.context.bus.publish(SUBJECTS.event, {});
    await until('x', async () => (await farm.db`SELECT 1 FROM events WHERE status<>'done' LIMIT 1`).length === 0);
    off();
    console.log('route', done.toFixed(0));
  }
  await farm.stop();
  for (let r = 0; r < 3; r++) {
    await insertEvents(
      farm.db,
      Array.from({ length: 100 }, (_, n) => order(n)),
    );
    let t = performance.now();
    const lap = (what: string) => {
      console.log(what, (performance.now() - t).toFixed(1));
      t = performance.now();
    };
    const events = await leaseEvents(farm.db, { instance: 'x', limit: 100 });
    lap('lease');
    await farm.db.begin(async (sql) => {
      lap('begin');
      const runs = await Promise.all(
        events.map(async (e) =>
          createRun(sql, {
            eventId: e.eventId,
            requestId: e.requestId,
            recipe,
            version: '1',
            ref: null,
            commit: null,
            trigger: 'm',
            by: 'x',
            eventTime: e.receivedAt,
            traceparent: null,
          }),
        ),
      );
      lap('create');
      await finishEvents(
        sql,
        events.map((e) => ({ ...e, outcome: { result: 'ignored' as const, reason: 'x' } })),
      );
      lap('finish');
      await addMilestones(
        sql,
        runs.flatMap((r, n) =>
          [1, 2].map(() => ({
            requestId: events[n]!.requestId,
            runId: r.runId,
            service: 'x',
            instance: 'x',
            name: 'x',
            message: 'yyyyyyyyyyyyyy',
            detail: { a: 1 },
          })),
        ),
      );
      lap('miles');
    });
    lap('commit');
  }
  await farm.drop();
});

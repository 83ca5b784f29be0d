import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase } from '../testing.ts';
import { addMilestones, type Milestone } from '../timeline.ts';
import { BuildCounter } from './build-counts.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());

const HOUR_MS = 3_600_000;

/** Milestones as an orchestrator writes them: a build that begins with the first of two jobs, and may end. */
async function build(ends: boolean): Promise<void> {
  const common = { requestId: randomUUID(), service: 'orchestrator', instance: 'other', message: 'x' };
  const milestones: Milestone[] = [
    { ...common, name: 'job.dispatched', detail: { attempt: 1, startsBuild: true } },
    { ...common, name: 'job.dispatched', detail: { attempt: 1 } },
    { ...common, name: ends ? 'run.completed' : 'run.failed' },
  ];
  await addMilestones(made.db, milestones);
}

test('builds of any process are counted once, since this process started', async () => {
  await build(true);
  await made.db`UPDATE timeline SET at = at - interval '2 hours'`;
  for (const ends of [true, true, false]) await build(ends);
  await made.db`UPDATE timeline SET at = at - interval '30 minutes' WHERE at > now() - interval '1 minute'`;
  const counter = new BuildCounter(made.db, HOUR_MS);
  expect(await counter.read()).toEqual({ attempted: 3, succeeded: 2 });
  await build(true);
  const expected = { attempted: 4, succeeded: 3 };
  expect(await Promise.all([counter.read(), counter.read()])).toEqual([expected, expected]);
  // What was counted for good is not looked at again.
  await made.db`DELETE FROM timeline WHERE at < now() - interval '20 minutes'`;
  expect(await counter.read()).toEqual(expected);
  expect(await new BuildCounter(made.db, 0).read()).toEqual({ attempted: 0, succeeded: 0 });
});

test('the count reads its own small index', async () => {
  const plan = await made.db.begin(async (sql) => {
    await sql`SET LOCAL enable_seqscan = off`;
    return await sql`
      EXPLAIN SELECT count(*) FROM timeline
      WHERE at >= now() AND (name = 'run.completed' OR (name = 'job.dispatched' AND detail ? 'startsBuild'))`;
  });
  expect(JSON.stringify(plan)).toContain('timeline_builds');
});

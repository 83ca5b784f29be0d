import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  enrolledTo,
  enrolRuns,
  leaseReports,
  newRuns,
  reportLater,
  reportTold,
  setEnrolledTo,
} from './forge-reports.ts';
import { migrate } from './migrate.ts';
import { testRecipe, testRun } from './test-run.ts';
import { testDatabase } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());

const upstream = {
  git: 'https://forge.example/acme/libfoo.git',
  tags: null,
  versionTemplate: '${version}',
  minVersion: null,
  pollMs: null,
  jitter: 0,
  webhook: true,
  repository: 'acme/libfoo',
  firstSight: 1,
};
async function commitRun() {
  const run = await testRun(made.db, testRecipe('libfoo', { upstream }));
  await made.db`UPDATE runs SET commit_hash = ${randomBytes(20).toString('hex')}, status = 'building' WHERE run_id = ${run.runId}`;
  return run;
}
const lease = async () => await leaseReports(made.db, { forge: 'https://forge.example', limit: 10, instance: 'one' });

test('a database of the first version is upgraded, with its runs', async () => {
  await made.db.unsafe('DROP SCHEMA public CASCADE; CREATE SCHEMA public').simple();
  await made.db.unsafe(await readFile(new URL('./migrations/001-farm.sql', import.meta.url), 'utf8')).simple();
  await made.db`CREATE TABLE migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())`;
  await made.db`INSERT INTO migrations (name) VALUES ('001-farm.sql')`;
  const runId = randomUUID();
  await made.db`
    INSERT INTO events (event_id, request_id, source, delivery_id, name, routing_key, payload)
    VALUES (${runId}, ${runId}, 'poll', '1', 'build', 'libfoo', '{}')`;
  await made.db`
    INSERT INTO runs (run_id, event_id, request_id, recipe, version, commit_hash, trigger, requested_by, compiled, event_time)
    VALUES (${runId}, ${runId}, ${runId}, 'libfoo', '1.0', 'c0ffee', 'tag', 'poll', ${JSON.stringify({ upstream })}::text::jsonb, now())`;
  expect(await migrate(made.db)).toContain('002-forge-reports.sql');
  expect(await migrate(made.db)).toEqual([]);
  expect((await newRuns(made.db, new Date(0))).runs).toMatchObject([
    { runId, git: upstream.git, repository: 'acme/libfoo' },
  ]);
});

test('where to begin is kept, never goes back, and is at most a day ago', async () => {
  const age = async (at: Date) =>
    (await made.db<{ seconds: number }[]>`SELECT extract(epoch FROM now() - ${at})::float AS seconds`)[0]?.seconds ?? 0;
  const first = await enrolledTo(made.db, 'a');
  expect(await age(first)).toBeLessThan(3600);
  const later = new Date(first.getTime() + 30_000);
  await setEnrolledTo(made.db, 'a', later);
  await setEnrolledTo(made.db, 'a', first);
  expect(await enrolledTo(made.db, 'a')).toEqual(later);
  await made.db`UPDATE forges SET enrolled_to = now() - interval '1 year'`;
  expect(await age(await enrolledTo(made.db, 'a'))).toBeLessThan(25 * 3600);
});

test('a lease that was lost writes nothing', async () => {
  await made.db`DELETE FROM runs`;
  const run = await commitRun();
  await enrolRuns(made.db, 'https://forge.example', [{ runId: run.runId, repository: 'acme/libfoo' }]);
  const [stale] = await lease();
  await made.db`UPDATE forge_reports SET lease_expires_at = now()`;
  const [fresh] = await lease();
  if (!stale || !fresh) throw new Error('nothing was leased');
  expect(await lease()).toEqual([]);
  expect(await reportTold(made.db, stale, { remoteId: '1', error: null })).toBe(false);
  await reportLater(made.db, stale, { waitMs: 0, refused: true, error: 'stale' });
  expect(await reportTold(made.db, fresh, { remoteId: '2', error: null })).toBe(true);
  expect(await made.db`SELECT state, remote_id, refusals, last_error FROM forge_reports`).toEqual([
    { state: 'running', remoteId: '2', refusals: 0, lastError: null },
  ]);
  expect(await lease()).toEqual([]);
});

test('what is written down about a run goes with it', async () => {
  expect(await made.db`SELECT 1 FROM forge_reports`).toHaveLength(1);
  await made.db`DELETE FROM runs`;
  expect(await made.db`SELECT 1 FROM forge_reports`).toHaveLength(0);
});

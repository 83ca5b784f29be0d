import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { requestPolls } from '@kiln/store/watches.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestFarm, testFarm } from '../../../../tests/support/farm-context.ts';
import { type GitServer, startGitServer } from '../../../../tests/support/git-server.ts';
import { until } from '../../../../tests/support/until.ts';
import { testUpstream } from './test-upstream.ts';
import { eventsOf, look, looksOf, rosterOf, versionsOf, watched } from './test-watch.ts';
import { pollOnce, startWatching } from './watching.ts';

let bench: { root: string; server: GitServer };
let farm: TestFarm;

beforeAll(async () => {
  const root = await mkdtemp(join(tmpdir(), 'kiln-watching-'));
  bench = { root, server: await startGitServer(root) };
});
afterAll(async () => {
  await bench.server.close();
  await rm(bench.root, { recursive: true, force: true });
});
beforeEach(async () => {
  farm = await testFarm();
});
afterEach(async () => await farm.drop());

describe('many recipes', () => {
  test('two on one upstream both see it, with one question', async () => {
    const { name, recipe } = await watched(bench, ['v1.0', 'v2.0']);
    const old = {
      ...recipe,
      name: `${name}-old`,
      upstream: testUpstream({ ...recipe.upstream, tags: '^(?:v(?<version>1\\..*))$' }),
    };
    await startWatching(farm.context, rosterOf(recipe, old));
    await until('both looks', () => looksOf(farm, name).length === 1 && looksOf(farm, old.name).length === 1);
    expect([await versionsOf(farm, name), await versionsOf(farm, old.name)]).toEqual([['2.0'], ['1.0']]);
    expect(bench.server.looks(name)).toBe(1);
  });

  test('a slow upstream and a silent one hold nobody up', async () => {
    const slow = await watched(bench, ['v1.0']);
    const silent = await watched(bench, ['v1.0']);
    const quick = await watched(bench, ['v1.0']);
    bench.server.treat(slow.name, { delayMs: 300 });
    bench.server.treat(silent.name, { hang: true });
    await startWatching(farm.context, rosterOf(silent.recipe, slow.recipe, quick.recipe));
    await until('the quick one', () => looksOf(farm, quick.name).length === 1);
    await until('the slow one', () => looksOf(farm, slow.name).length === 1);
    await until('the silent one is asked', () => bench.server.looks(silent.name) === 1);
    expect([looksOf(farm, silent.name), farm.lines('poll failed')]).toEqual([[], []]);
  });

  test('a silent upstream is given up', async () => {
    const silent = await watched(bench, ['v1.0']);
    await farm.drop();
    farm = await testFarm({ 'orchestrator.poll_timeout': '1s' });
    bench.server.treat(silent.name, { hang: true });
    await startWatching(farm.context, rosterOf(silent.recipe));
    const failed = await until('the silent one', () => farm.lines('poll failed')[0]);
    expect(failed).toMatchObject({ level: 'warn', recipe: silent.name, failures: 1 });
    expect(failed.error).toContain('no answer after 1 s');
  });

  test('no more are asked at once than configured', async () => {
    await farm.drop();
    farm = await testFarm({ 'orchestrator.parallel_polls': 2 });
    const all = await Promise.all([1, 2, 3, 4].map(async () => await watched(bench, ['v1.0'])));
    for (const { name } of all) bench.server.treat(name, { delayMs: 300 });
    await startWatching(farm.context, rosterOf(...all.map((one) => one.recipe)));
    await until('all', () => all.every(({ name }) => looksOf(farm, name).length === 1));
    let [underWay, most] = [0, 0];
    for (const { msg } of farm.lines()) {
      if (msg === 'polling upstream') most = Math.max(most, ++underWay);
      if (msg === 'poll complete') underWay--;
    }
    expect(most).toBe(2);
  });

  test('two orchestrators share the watches and never look at one twice', async () => {
    const all = await Promise.all([1, 2, 3, 4, 5, 6].map(async () => await watched(bench, ['v1.0'])));
    const roster = rosterOf(...all.map((one) => one.recipe));
    const other = await farm.join();
    await Promise.all([startWatching(farm.context, roster), startWatching(other.context, roster)]);
    const lines = () => [...farm.lines('poll complete'), ...other.lines('poll complete')];
    await until('all looks', () => lines().length >= 6);
    expect(all.map(({ name }) => bench.server.looks(name))).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

describe('a failing upstream', () => {
  test('is told and tried again, and keeps the request', async () => {
    const { name, recipe, repository } = await watched(bench, ['v1.0'], { pollMs: 400, jitter: 0 });
    await startWatching(farm.context, rosterOf(recipe));
    await until('first look', () => looksOf(farm, name).length === 1);
    // First, so that no look finds the new version before the one that was asked for.
    bench.server.treat(name, { status: 500 });
    await repository.release('v1.1');
    const requestId = '22222222-2222-4222-8222-222222222222';
    await look(farm, name, requestId);
    const line = await until('poll failed', () => farm.lines('poll failed')[0]);
    expect(line).toMatchObject({ level: 'warn', recipe: name });
    await until('the error is kept', async () => {
      return (await farm.db`SELECT 1 FROM watches WHERE last_poll->>'error' LIKE '%500%'`).length === 1;
    });
    bench.server.treat(name);
    await until('the retry', async () => (await versionsOf(farm, name)).length === 2);
    expect((await eventsOf(farm, name)).at(-1)).toMatchObject({ version: '1.1', requestId });
  });

  test('an address that is none fails as well, without harm', async () => {
    const { name, recipe } = await watched(bench, ['v1.0'], { git: '--upload-pack=true' });
    await startWatching(farm.context, rosterOf(recipe));
    const line = await until('poll failed', () => farm.lines('poll failed')[0]);
    expect(line).toMatchObject({ recipe: name });
    expect(line.error).toContain('begins with a dash');
  });

  test('a stop in the middle of a look leaves the watch due, and is no failure', async () => {
    const { name, recipe } = await watched(bench, ['v1.0']);
    bench.server.treat(name, { hang: true });
    await startWatching(farm.context, rosterOf(recipe));
    await until('it is asked', () => bench.server.looks(name) === 1);
    await farm.stop();
    expect(farm.lines('poll failed')).toEqual([]);
    expect(await farm.db`SELECT leased_by, next_poll_at <= now() AS due FROM watches`).toEqual([
      { leasedBy: null, due: true },
    ]);
  });
});

test('a request travels with the look into its events and the timeline', async () => {
  const { name, recipe, repository } = await watched(bench, ['v1.0'], { pollMs: null });
  await startWatching(farm.context, rosterOf(recipe));
  await until('the first round', () => farm.context.lifecycle.loops().every((loop) => loop.lastSuccessAt !== null));
  expect(farm.lines('polling upstream')).toEqual([]);
  await repository.release('v1.1');
  const requestId = '33333333-3333-4333-8333-333333333333';
  await look(farm, name, requestId);
  expect(await eventsOf(farm, name)).toMatchObject([{ version: '1.1', requestId }]);
  expect(await farm.db`SELECT request_id, name FROM timeline`).toEqual([{ requestId, name: 'upstream.polled' }]);
  expect(await farm.db`SELECT requested_at, request_id, next_poll_at FROM watches`).toEqual([
    { requestedAt: null, requestId: null, nextPollAt: null },
  ]);
});

test('a request that comes while a look is under way leads to another look', async () => {
  const { name, recipe } = await watched(bench, ['v1.0']);
  bench.server.treat(name, { delayMs: 300 });
  await startWatching(farm.context, rosterOf(recipe));
  await until('the first look is under way', () => bench.server.looks(name) === 1);
  await requestPolls(farm.db, [name], { requestId: '44444444-4444-4444-8444-444444444444', traceparent: null });
  farm.context.bus.publish(SUBJECTS.watch, {});
  await until('two looks', () => looksOf(farm, name).length === 2);
  expect(looksOf(farm, name)[1]).toMatchObject({ requestId: '44444444-4444-4444-8444-444444444444' });
});

test('a recipe without a tag trigger is not looked at, and a removed one no more', async () => {
  const { name, recipe } = await watched(bench, ['v1.0'], { pollMs: 100, jitter: 0 });
  const roster = rosterOf(recipe, { ...recipe, name: `${name}-manual`, triggers: ['manual'] });
  await startWatching(farm.context, roster);
  await until('looks', () => looksOf(farm, name).length >= 2);
  roster.recipes.length = 0;
  farm.context.bus.publish(SUBJECTS.roster, {});
  await until('the watch is gone', async () => (await farm.db`SELECT 1 FROM watches`).length === 0);
  expect(looksOf(farm, `${name}-manual`)).toEqual([]);
});

test('one sweep looks at every recipe exactly once, due or not, without a limit', async () => {
  const tags = Array.from({ length: 22 }, (_, n) => `v1.${n}`);
  const many = await watched(bench, tags, { firstSight: null });
  const broken = await watched(bench, ['v1.0']);
  bench.server.treat(broken.name, { status: 404 });
  const roster = rosterOf(many.recipe, broken.recipe);
  expect(await pollOnce(farm.context, roster)).toEqual({ polled: 2, failed: 1 });
  expect(await versionsOf(farm, many.name)).toHaveLength(22);
  bench.server.treat(broken.name);
  expect(await pollOnce(farm.context, roster)).toEqual({ polled: 2, failed: 0 });
  expect(await versionsOf(farm, many.name)).toHaveLength(22);
  expect(await versionsOf(farm, broken.name)).toEqual(['1.0']);
});

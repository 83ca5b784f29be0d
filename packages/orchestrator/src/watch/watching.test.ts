import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { SUBJECTS } from '@kiln/protocol/live.ts';
import { testRecipe } from '@kiln/store/test-run.ts';
import { requestPolls } from '@kiln/store/watches.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestFarm, testFarm, until } from '../../../../tests/support/farm-context.ts';
import { GitRepository } from '../../../../tests/support/git-repository.ts';
import { type GitServer, startGitServer } from '../../../../tests/support/git-server.ts';
import type { CompiledUpstream } from './match.ts';
import { testUpstream } from './test-upstream.ts';
import { pollOnce, startWatching } from './watching.ts';

let root: string;
let server: GitServer;
let farm: TestFarm;
let names = 0;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kiln-watching-'));
  server = await startGitServer(root);
});
afterAll(async () => {
  await server.close();
  await rm(root, { recursive: true, force: true });
});
beforeEach(async () => {
  farm = await testFarm();
});
afterEach(async () => await farm.drop());

/** A roster that a test changes by putting other recipes into it. */
function rosterOf(...recipes: CompiledRecipe[]) {
  return {
    recipes,
    all: () => recipes,
    get: (name: string) => recipes.find((recipe) => recipe.name === name),
  };
}

/** An upstream of its own with a recipe that watches it. */
async function watched(tags: readonly string[], more: Partial<CompiledUpstream> = {}, name = `tool${++names}`) {
  const repository = await GitRepository.withTags(root, name, tags);
  const upstream = testUpstream({ git: server.url(name), repository: `owner/${name}`, ...more });
  return { name, repository, recipe: testRecipe(name, { upstream, triggers: ['tag', 'manual'] }) };
}

async function events(recipe: string) {
  const rows = await farm.db<{ payload: { version: string; ref: string; commit: string }; requestId: string }[]>`
    SELECT payload, request_id FROM events WHERE payload->>'recipe' = ${recipe} ORDER BY next_attempt_at`;
  return rows.map(({ payload, requestId }) => ({ ...payload, requestId }));
}
const versions = async (recipe: string) => (await events(recipe)).map((event) => event.version);
const complete = (recipe: string) => farm.lines('poll complete').filter((line) => line.recipe === recipe);

/** Asks for a look, as a webhook does, and waits for its end. */
async function look(recipe: string, requestId = '11111111-1111-4111-8111-111111111111') {
  const before = complete(recipe).length + farm.lines('poll failed').length;
  await requestPolls(farm.db, [recipe], { requestId, traceparent: null });
  farm.context.bus.publish(SUBJECTS.watch, {});
  await until(`another look at ${recipe}`, () => complete(recipe).length + farm.lines('poll failed').length > before);
}

describe('what a look finds', () => {
  test('says how many tags there are and how many match', async () => {
    const { name, recipe, repository } = await watched(['v1.0', '@v1.1', 'nightly']);
    await startWatching(farm.context, rosterOf(recipe));
    const line = await until('poll complete', () => complete(name)[0]);
    expect(line).toMatchObject({
      level: 'info',
      tags_seen: 3,
      matches_emitted: 2,
      builds_requested: 1,
      passed_over: 1,
    });
    expect(farm.lines('polling upstream')).toMatchObject([{ level: 'info', recipe: name }]);
    expect(farm.lines('versions passed over')).toMatchObject([
      { level: 'info', recipe: name, count: 1, newest: '1.0' },
    ]);
    expect(await events(name)).toMatchObject([
      { version: '1.1', ref: 'refs/tags/v1.1', commit: await repository.resolve('v1.1'), force: false },
    ]);
    expect(
      await farm.db`SELECT last_poll->'tagsSeen' AS seen, leased_by, next_poll_at > now() AS later FROM watches`,
    ).toEqual([{ seen: 3, leasedBy: null, later: true }]);
  });

  test('new versions later, all of them, oldest first, each once', async () => {
    const { name, recipe, repository } = await watched(['v1.0']);
    await startWatching(farm.context, rosterOf(recipe));
    await until('first look', () => complete(name).length === 1);
    for (const tag of ['v1.10', 'v1.9', 'v0.5']) await repository.release(tag);
    await look(name);
    await look(name);
    expect(await versions(name)).toEqual(['1.0', '0.5', '1.9', '1.10']);
  });

  test('in helpings when there are many', async () => {
    const tags = Array.from({ length: 23 }, (_, n) => `v1.${n}`);
    const { name, recipe } = await watched(tags, { firstSight: null });
    await startWatching(farm.context, rosterOf(recipe));
    await until('first helping', () => complete(name).length === 1);
    expect(await versions(name)).toEqual(tags.slice(0, 20).map((tag) => tag.slice(1)));
    await until('second helping', () => complete(name).length === 2);
    expect(await versions(name)).toEqual(tags.map((tag) => tag.slice(1)));
  });

  test('does not ask for what the archive holds, and goes on when it can not be read', async () => {
    const { name, recipe: bare, repository } = await watched(['v1.0']);
    const recipe = { ...bare, publish: { repository: 'main', package: name, files: ['**'], keep: 1 } };
    const archive = join(farm.context.config.repositoriesDir, 'main', 'archive');
    await mkdir(archive, { recursive: true });
    const index = { format: 1, packages: { [name]: { keep: 1, versions: ['1.0'] } } };
    await writeFile(join(archive, 'index.json'), JSON.stringify(index));
    await startWatching(farm.context, rosterOf(recipe));
    await until('first look', () => complete(name).length === 1);
    expect(await versions(name)).toEqual([]);
    await writeFile(join(archive, 'index.json'), 'broken');
    await repository.release('v1.1');
    await look(name);
    expect(await versions(name)).toEqual(['1.1']);
    expect(farm.lines('dedup check failed')).toMatchObject([{ level: 'warn', recipe: name }]);
  });

  test('tags that move and vanish are noticed, and start nothing', async () => {
    const { name, recipe, repository } = await watched(['v1.0', 'v1.1']);
    await startWatching(farm.context, rosterOf(recipe));
    await until('first look', () => complete(name).length === 1);
    const from = await repository.resolve('v1.1');
    const to = await repository.commit({ more: 'x' });
    await repository.tag('v1.1', { commit: to });
    await repository.deleteTag('v1.0');
    await look(name);
    await look(name);
    expect(farm.lines('tag moved')).toMatchObject([{ level: 'warn', recipe: name, tag: 'v1.1', from, to }]);
    expect(farm.lines('tag vanished')).toMatchObject([{ level: 'warn', recipe: name, tag: 'v1.0' }]);
    expect(await versions(name)).toEqual(['1.1']);
    const rows = await farm.db`SELECT tag, moved_to, gone_at IS NOT NULL AS gone FROM tags ORDER BY tag`;
    expect(rows).toEqual([
      { tag: 'v1.0', movedTo: null, gone: true },
      { tag: 'v1.1', movedTo: to, gone: false },
    ]);
  });

  test('a change of the pattern, the template or the upstream is no reason to build everything', async () => {
    const { name, recipe, repository } = await watched(['v1.0', 'v1.1', 'beta-2', 'beta-3']);
    const roster = rosterOf(recipe);
    await startWatching(farm.context, roster);
    await until('first look', () => complete(name).length === 1);
    const change = async (upstream: Partial<CompiledUpstream>) => {
      const before = complete(name).length;
      roster.recipes[0] = { ...recipe, upstream: { ...testUpstream(), ...recipe.upstream, ...upstream } };
      farm.context.bus.publish(SUBJECTS.roster, {});
      await until('a look after the change', () => complete(name).length > before);
    };
    await change({ tags: '^(?:(?:v|beta-)(?<version>.*))$' });
    expect(await versions(name)).toEqual(['1.1', '3']);
    await change({ git: repository.path });
    expect(await versions(name)).toEqual(['1.1', '3']);
    await change({ versionTemplate: '${version}-2' });
    expect(await versions(name)).toEqual(['1.1', '3', '1.1-2']);
  });
});

describe('many recipes', () => {
  test('two on one upstream both see it, with one question', async () => {
    const { name, recipe } = await watched(['v1.0', 'v2.0']);
    const old = {
      ...recipe,
      name: `${name}-old`,
      upstream: testUpstream({ ...recipe.upstream, tags: '^(?:v(?<version>1\\..*))$' }),
    };
    await startWatching(farm.context, rosterOf(recipe, old));
    await until('both looks', () => complete(name).length === 1 && complete(old.name).length === 1);
    expect([await versions(name), await versions(old.name)]).toEqual([['2.0'], ['1.0']]);
    expect(server.looks(name)).toBe(1);
  });

  test('a slow upstream and a silent one hold nobody up; the silent one is given up', async () => {
    const slow = await watched(['v1.0']);
    const silent = await watched(['v1.0']);
    const quick = await watched(['v1.0']);
    await farm.drop();
    farm = await testFarm({ 'orchestrator.poll_timeout': '4s' });
    server.treat(slow.name, { delayMs: 1_000 });
    server.treat(silent.name, { hang: true });
    await startWatching(farm.context, rosterOf(slow.recipe, silent.recipe, quick.recipe));
    await until('the quick one', () => complete(quick.name).length === 1, 1_900);
    await until('the slow one', () => complete(slow.name).length === 1);
    const failed = await until('the silent one', () => farm.lines('poll failed')[0]);
    expect(failed).toMatchObject({ level: 'warn', recipe: silent.name, failures: 1 });
    expect(failed.error).toContain('no answer after 4 s');
  });

  test('no more are asked at once than configured', async () => {
    await farm.drop();
    farm = await testFarm({ 'orchestrator.parallel_polls': 2 });
    const all = await Promise.all([1, 2, 3, 4].map(async () => await watched(['v1.0'])));
    for (const { name } of all) server.treat(name, { delayMs: 300 });
    await startWatching(farm.context, rosterOf(...all.map((one) => one.recipe)));
    await until('two are asked', () => farm.lines('polling upstream').length === 2);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(farm.lines('polling upstream')).toHaveLength(2);
    await until('all', () => all.every(({ name }) => complete(name).length === 1));
  });

  test('two orchestrators share the watches and never look at one twice', async () => {
    const all = await Promise.all([1, 2, 3, 4, 5, 6].map(async () => await watched(['v1.0'])));
    const roster = rosterOf(...all.map((one) => one.recipe));
    const other = await farm.join();
    await Promise.all([startWatching(farm.context, roster), startWatching(other.context, roster)]);
    const lines = () => [...farm.lines('poll complete'), ...other.lines('poll complete')];
    await until('all looks', () => lines().length >= 6);
    expect(all.map(({ name }) => server.looks(name))).toEqual([1, 1, 1, 1, 1, 1]);
  });
});

describe('a failing upstream', () => {
  test('is told and tried again, and keeps the request', async () => {
    const { name, recipe, repository } = await watched(['v1.0'], { pollMs: 400, jitter: 0 });
    await startWatching(farm.context, rosterOf(recipe));
    await until('first look', () => complete(name).length === 1);
    await repository.release('v1.1');
    server.treat(name, { status: 500 });
    const requestId = '22222222-2222-4222-8222-222222222222';
    await look(name, requestId);
    expect(farm.lines('poll failed')[0]).toMatchObject({ level: 'warn', recipe: name });
    await until('the error is kept', async () => {
      return (await farm.db`SELECT 1 FROM watches WHERE last_poll->>'error' LIKE '%500%'`).length === 1;
    });
    server.treat(name);
    await until('the retry', async () => (await versions(name)).length === 2);
    expect((await events(name)).at(-1)).toMatchObject({ version: '1.1', requestId });
  });

  test('an address that is none fails as well, without harm', async () => {
    const { name, recipe } = await watched(['v1.0'], { git: '--upload-pack=true' });
    await startWatching(farm.context, rosterOf(recipe));
    const line = await until('poll failed', () => farm.lines('poll failed')[0]);
    expect(line).toMatchObject({ recipe: name });
    expect(line.error).toContain('begins with a dash');
  });

  test('a stop in the middle of a look leaves the watch due, and is no failure', async () => {
    const { name, recipe } = await watched(['v1.0']);
    server.treat(name, { hang: true });
    await startWatching(farm.context, rosterOf(recipe));
    await until('it is asked', () => server.looks(name) === 1);
    await farm.stop();
    expect(farm.lines('poll failed')).toEqual([]);
    expect(await farm.db`SELECT leased_by, next_poll_at <= now() AS due FROM watches`).toEqual([
      { leasedBy: null, due: true },
    ]);
  });
});

test('a request travels with the look into its events and the timeline', async () => {
  const { name, recipe, repository } = await watched(['v1.0'], { pollMs: null });
  await startWatching(farm.context, rosterOf(recipe));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(farm.lines('polling upstream')).toEqual([]);
  await repository.release('v1.1');
  const requestId = '33333333-3333-4333-8333-333333333333';
  await look(name, requestId);
  expect(await events(name)).toMatchObject([{ version: '1.1', requestId }]);
  expect(await farm.db`SELECT request_id, name FROM timeline`).toEqual([{ requestId, name: 'upstream.polled' }]);
  expect(await farm.db`SELECT requested_at, request_id, next_poll_at FROM watches`).toEqual([
    { requestedAt: null, requestId: null, nextPollAt: null },
  ]);
});

test('a request that comes while a look is under way leads to another look', async () => {
  const { name, recipe } = await watched(['v1.0']);
  server.treat(name, { delayMs: 300 });
  await startWatching(farm.context, rosterOf(recipe));
  await until('the first look is under way', () => server.looks(name) === 1);
  await requestPolls(farm.db, [name], { requestId: '44444444-4444-4444-8444-444444444444', traceparent: null });
  farm.context.bus.publish(SUBJECTS.watch, {});
  await until('two looks', () => complete(name).length === 2);
  expect(complete(name)[1]).toMatchObject({ requestId: '44444444-4444-4444-8444-444444444444' });
});

test('a recipe without a tag trigger is not looked at, and a removed one no more', async () => {
  const { name, recipe } = await watched(['v1.0'], { pollMs: 100, jitter: 0 });
  const roster = rosterOf(recipe, { ...recipe, name: `${name}-manual`, triggers: ['manual'] });
  await startWatching(farm.context, roster);
  await until('looks', () => complete(name).length >= 2);
  roster.recipes.length = 0;
  farm.context.bus.publish(SUBJECTS.roster, {});
  await until('the watch is gone', async () => (await farm.db`SELECT 1 FROM watches`).length === 0);
  expect(complete(`${name}-manual`)).toEqual([]);
});

test('one sweep looks at every recipe exactly once, due or not, without a limit', async () => {
  const tags = Array.from({ length: 22 }, (_, n) => `v1.${n}`);
  const many = await watched(tags, { firstSight: null });
  const broken = await watched(['v1.0']);
  server.treat(broken.name, { status: 404 });
  const roster = rosterOf(many.recipe, broken.recipe);
  expect(await pollOnce(farm.context, roster)).toEqual({ polled: 2, failed: 1 });
  expect(await versions(many.name)).toHaveLength(22);
  server.treat(broken.name);
  expect(await pollOnce(farm.context, roster)).toEqual({ polled: 2, failed: 0 });
  expect(await versions(many.name)).toHaveLength(22);
  expect(await versions(broken.name)).toEqual(['1.0']);
});

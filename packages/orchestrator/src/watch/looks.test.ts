import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestFarm, testFarm } from '../../../../tests/support/farm-context.ts';
import { type GitServer, startGitServer } from '../../../../tests/support/git-server.ts';
import { until } from '../../../../tests/support/until.ts';
import type { CompiledUpstream } from './match.ts';
import { testUpstream } from './test-upstream.ts';
import { eventsOf, look, looksOf, rosterOf, versionsOf, watched } from './test-watch.ts';
import { startWatching } from './watching.ts';

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

test('says how many tags there are and how many match', async () => {
  const { name, recipe, repository } = await watched(bench, ['v1.0', '@v1.1', 'nightly']);
  await startWatching(farm.context, rosterOf(recipe));
  const line = await until('poll complete', () => looksOf(farm, name)[0]);
  expect(line).toMatchObject({
    level: 'info',
    tags_seen: 3,
    matches_emitted: 2,
    builds_requested: 1,
    passed_over: 1,
  });
  expect(farm.lines('polling upstream')).toMatchObject([{ level: 'info', recipe: name }]);
  expect(farm.lines('versions passed over')).toMatchObject([{ level: 'info', recipe: name, count: 1, newest: '1.0' }]);
  expect(await eventsOf(farm, name)).toMatchObject([
    { version: '1.1', ref: 'refs/tags/v1.1', commit: await repository.resolve('v1.1'), force: false },
  ]);
  expect(
    await farm.db`SELECT last_poll->'tagsSeen' AS seen, leased_by, next_poll_at > now() AS later FROM watches`,
  ).toEqual([{ seen: 3, leasedBy: null, later: true }]);
});

test('new versions later, all of them, oldest first, each once', async () => {
  const { name, recipe, repository } = await watched(bench, ['v1.0']);
  await startWatching(farm.context, rosterOf(recipe));
  await until('first look', () => looksOf(farm, name).length === 1);
  for (const tag of ['v1.10', 'v1.9', 'v0.5']) await repository.release(tag);
  await look(farm, name);
  await look(farm, name);
  expect(await versionsOf(farm, name)).toEqual(['1.0', '0.5', '1.9', '1.10']);
});

test('in helpings when there are many', async () => {
  const tags = Array.from({ length: 23 }, (_, n) => `v1.${n}`);
  const { name, recipe } = await watched(bench, tags, { firstSight: null });
  await startWatching(farm.context, rosterOf(recipe));
  await until('first helping', () => looksOf(farm, name).length === 1);
  expect(await versionsOf(farm, name)).toEqual(tags.slice(0, 20).map((tag) => tag.slice(1)));
  await until('second helping', () => looksOf(farm, name).length === 2);
  expect(await versionsOf(farm, name)).toEqual(tags.map((tag) => tag.slice(1)));
});

test('does not ask for what the archive holds, and goes on when it can not be read', async () => {
  const { name, recipe: bare, repository } = await watched(bench, ['v1.0']);
  const recipe = { ...bare, publish: { repository: 'main', package: name, files: ['**'], keep: 1 } };
  const archive = join(farm.context.config.repositoriesDir, 'main', 'archive');
  await mkdir(archive, { recursive: true });
  const index = { format: 1, packages: { [name]: { keep: 1, versions: ['1.0'] } } };
  await writeFile(join(archive, 'index.json'), JSON.stringify(index));
  await startWatching(farm.context, rosterOf(recipe));
  await until('first look', () => looksOf(farm, name).length === 1);
  expect(await versionsOf(farm, name)).toEqual([]);
  await writeFile(join(archive, 'index.json'), 'broken');
  await repository.release('v1.1');
  await look(farm, name);
  expect(await versionsOf(farm, name)).toEqual(['1.1']);
  expect(farm.lines('dedup check failed')).toMatchObject([{ level: 'warn', recipe: name }]);
});

test('tags that move and vanish are noticed, and start nothing', async () => {
  const { name, recipe, repository } = await watched(bench, ['v1.0', 'v1.1']);
  await startWatching(farm.context, rosterOf(recipe));
  await until('first look', () => looksOf(farm, name).length === 1);
  const from = await repository.resolve('v1.1');
  const to = await repository.commit({ more: 'x' });
  await repository.tag('v1.1', { commit: to });
  await repository.deleteTag('v1.0');
  await look(farm, name);
  await look(farm, name);
  expect(farm.lines('tag moved')).toMatchObject([{ level: 'warn', recipe: name, tag: 'v1.1', from, to }]);
  expect(farm.lines('tag vanished')).toMatchObject([{ level: 'warn', recipe: name, tag: 'v1.0' }]);
  expect(await versionsOf(farm, name)).toEqual(['1.1']);
  const rows = await farm.db`SELECT tag, moved_to, gone_at IS NOT NULL AS gone FROM tags ORDER BY tag`;
  expect(rows).toEqual([
    { tag: 'v1.0', movedTo: null, gone: true },
    { tag: 'v1.1', movedTo: to, gone: false },
  ]);
});

test('a change of the pattern, the template or the upstream is no reason to build everything', async () => {
  const { name, recipe, repository } = await watched(bench, ['v1.0', 'v1.1', 'beta-2', 'beta-3']);
  const roster = rosterOf(recipe);
  await startWatching(farm.context, roster);
  await until('first look', () => looksOf(farm, name).length === 1);
  const change = async (upstream: Partial<CompiledUpstream>) => {
    const before = looksOf(farm, name).length;
    roster.recipes[0] = { ...recipe, upstream: { ...testUpstream(), ...recipe.upstream, ...upstream } };
    farm.context.bus.publish(SUBJECTS.roster, {});
    await until('a look after the change', () => looksOf(farm, name).length > before);
  };
  await change({ tags: '^(?:(?:v|beta-)(?<version>.*))$' });
  expect(await versionsOf(farm, name)).toEqual(['1.1', '3']);
  await change({ git: repository.path });
  expect(await versionsOf(farm, name)).toEqual(['1.1', '3']);
  await change({ versionTemplate: '${version}-2' });
  expect(await versionsOf(farm, name)).toEqual(['1.1', '3', '1.1-2']);
});

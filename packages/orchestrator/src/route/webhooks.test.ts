import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testRecipe } from '@kiln/store/test-run.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestFarm, testFarm } from '../../../../tests/support/farm-context.ts';
import { GitRepository } from '../../../../tests/support/git-repository.ts';
import { type GitServer, startGitServer } from '../../../../tests/support/git-server.ts';
import { until } from '../../../../tests/support/until.ts';
import { testUpstream } from '../watch/test-upstream.ts';
import { startWatching } from '../watch/watching.ts';
import { startRouting } from './routing.ts';
import { push, rosterOf, route, runsOf } from './test-router.ts';

let root: string;
let server: GitServer;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kiln-routing-'));
  server = await startGitServer(root);
});
afterAll(async () => {
  await server.close();
  await rm(root, { recursive: true, force: true });
});

let farm: TestFarm;
beforeEach(async () => {
  farm = await testFarm();
});
afterEach(async () => await farm.drop());

describe('a push', () => {
  test('of a tag leads to a look at once, and to a run in the same request', async () => {
    const repository = await GitRepository.withTags(root, 'pushed', ['v1.0']);
    const upstream = testUpstream({ git: server.url('pushed'), repository: 'owner/pushed' });
    const roster = rosterOf(testRecipe('pushed', { upstream, triggers: ['tag'] }));
    startRouting(farm.context, roster);
    await startWatching(farm.context, roster);
    await until('the first run', async () => (await runsOf(farm)).length === 1);
    await repository.release('v1.1');
    const event = await route(farm, push('owner/pushed'));
    expect(event.outcome).toBe('asked for a poll of pushed');
    expect(farm.lines('webhook accepted, triggering immediate poll')).toMatchObject([
      { level: 'info', recipe: 'pushed', requestId: event.requestId, routingKey: 'github:42' },
    ]);
    await until('the second run', async () => (await runsOf(farm)).length === 2);
    expect((await runsOf(farm))[1]).toMatchObject({ version: '1.1', trigger: 'tag' });
    const told = await farm.db`SELECT name FROM timeline WHERE request_id = ${event.requestId} ORDER BY timeline_id`;
    expect(told.map((row) => row.name)).toEqual([
      'event.matched',
      'poll.requested',
      'upstream.polled',
      'event.matched',
      'run.created',
    ]);
    const [traces] = await farm.db<{ count: number }[]>`
      SELECT count(DISTINCT split_part(traceparent, '-', 2)) FROM events WHERE request_id = ${event.requestId} AND source = 'poll'`;
    expect(traces?.count).toBeLessThanOrEqual(1);
  });

  test('of a branch is built at its commit, once', async () => {
    const upstream = testUpstream({ tags: null, repository: 'owner/lib' });
    startRouting(farm.context, rosterOf(testRecipe('lib', { upstream, triggers: [{ push: 'main' }] })));
    const main = { ref: 'refs/heads/main', commit: 'abcdef0123'.padEnd(40, '0') };
    await route(farm, push('owner/lib', main));
    const [run] = await runsOf(farm);
    expect(run).toMatchObject({ ...main, trigger: 'push' });
    expect(run?.version).toMatch(/^main\.\d{8}\.\d{6}\.abcdef012$/);
    expect((await route(farm, push('owner/lib', main))).outcome).toMatch(
      /^ignored: run .* (is in progress|built commit .* already)$/,
    );
    expect(await runsOf(farm)).toHaveLength(1);
  });

  test('to a repository that nobody watches, or that takes no webhooks, is told and ignored', async () => {
    const upstream = testUpstream({ webhook: false, repository: 'owner/shy' });
    startRouting(farm.context, rosterOf(testRecipe('shy', { upstream, triggers: ['tag'] })));
    expect((await route(farm, push('some/where'))).outcome).toBe('ignored: no recipe watches some/where');
    expect((await route(farm, push('owner/shy'))).outcome).toBe(
      'ignored: shy takes no webhooks (upstream.webhook is false)',
    );
    expect(farm.lines('webhook for a repository that no recipe watches')).toMatchObject([
      { level: 'info', repository: 'some/where' },
    ]);
    expect(farm.lines('webhook for a recipe that takes none')).toMatchObject([{ level: 'info', recipe: 'shy' }]);
  });

  test('a ping starts nothing', async () => {
    startRouting(farm.context, rosterOf());
    const event = await route(farm, { ...push('a/b'), name: 'webhook.ping', payload: {} });
    expect(event).toMatchObject({ status: 'done', outcome: 'ignored: a ping starts nothing' });
  });
});

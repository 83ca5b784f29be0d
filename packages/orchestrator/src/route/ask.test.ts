import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { getEvent, insertEvent, insertEvents } from '@kiln/store/events.ts';
import { testRecipe } from '@kiln/store/test-run.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestFarm, testFarm } from '../../../../tests/support/farm-context.ts';
import { GitRepository } from '../../../../tests/support/git-repository.ts';
import { type GitServer, startGitServer } from '../../../../tests/support/git-server.ts';
import { until } from '../../../../tests/support/until.ts';
import { testUpstream } from '../watch/test-upstream.ts';
import { startRouting } from './routing.ts';
import { order, rosterOf, route, runsOf } from './test-router.ts';

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

describe('an order that only the upstream can answer', () => {
  const tagged = async (name: string, tags: string[], more = {}) => {
    const repository = await GitRepository.withTags(root, name, tags);
    return { repository, recipe: testRecipe(name, { upstream: testUpstream({ git: server.url(name), ...more }) }) };
  };

  test('gets the newest version, or the one that was named', async () => {
    const { recipe, repository } = await tagged('asked', ['v1.0', '@v1.10', 'v1.9']);
    startRouting(farm.context, rosterOf(recipe));
    await route(farm, order('asked', null));
    await route(farm, order('asked', '1.0'));
    expect(await runsOf(farm)).toEqual([
      {
        recipe: 'asked',
        version: '1.10',
        ref: 'refs/tags/v1.10',
        commit: await repository.resolve('v1.10'),
        trigger: 'manual',
      },
      {
        recipe: 'asked',
        version: '1.0',
        ref: 'refs/tags/v1.0',
        commit: await repository.resolve('v1.0'),
        trigger: 'manual',
      },
    ]);
    expect((await route(farm, order('asked', '1.8'))).outcome).toBe(
      'ignored: the upstream of asked has no version 1.8; near it are 1.0, 1.9, 1.10',
    );
  });

  test('gets the tip of the first branch where no tags are watched', async () => {
    const { recipe, repository } = await tagged('plain', ['v1.0'], { tags: null });
    startRouting(farm.context, rosterOf(recipe));
    const commit = (await repository.resolve('main')) ?? '';
    await route(farm, order('plain', null));
    const [run] = await runsOf(farm);
    expect(run).toMatchObject({ ref: 'refs/heads/main', commit });
    expect(run?.version).toMatch(new RegExp(`^main\\.\\d{8}\\.\\d{6}\\.${commit.slice(0, 9)}$`));
  });

  test('below the least version is refused without asking', async () => {
    const { recipe } = await tagged('floor', ['v1.0'], { minVersion: '2.0' });
    startRouting(farm.context, rosterOf(recipe));
    expect((await route(farm, order('floor', '1.0'))).outcome).toBe('ignored: floor 1.0 is below its min_version 2.0');
    expect(server.looks('floor')).toBe(0);
  });

  test('does not hold up the others, and is tried again when the upstream does not answer', async () => {
    const { recipe } = await tagged('mute', ['v1.0']);
    server.treat('mute', { hang: true });
    await farm.drop();
    farm = await testFarm({ 'orchestrator.poll_timeout': '4s' });
    startRouting(farm.context, rosterOf(recipe, testRecipe('tool')));
    const { eventId } = await insertEvent(farm.db, order('mute', null));
    expect((await route(farm, order('tool', '1.0'))).outcome).toBe('created 1 run');
    const line = await until('a failed attempt', () => farm.lines('event attempt failed')[0]);
    expect(line).toMatchObject({ level: 'warn', eventId, attempts: 1 });
    expect(line.error).toContain('no answer after 4 s');
    server.treat('mute');
    await until('done', async () => {
      await farm.db`UPDATE events SET next_attempt_at = now() WHERE event_id = ${eventId} AND status = 'pending'`;
      farm.context.bus.publish(SUBJECTS.event, {});
      return (await getEvent(farm.db, eventId))?.status === 'done';
    });
    expect((await runsOf(farm)).map((run) => run.recipe)).toEqual(['tool', 'mute']);
  });

  test('more of them than may be asked at once wait for their turn', async () => {
    const { recipe } = await tagged('popular', ['v1.0']);
    server.treat('popular', { delayMs: 100 });
    await insertEvents(
      farm.db,
      Array.from({ length: 20 }, () => order('popular', null, { force: true })),
    );
    startRouting(farm.context, rosterOf(recipe));
    await until('all done', async () => (await runsOf(farm)).length === 20);
    expect(await farm.db`SELECT DISTINCT attempts FROM events`).toEqual([{ attempts: 1 }]);
  });

  test('a stop in the middle of a question gives the event back unharmed', async () => {
    await GitRepository.withTags(root, 'stopped', ['v1.0']);
    server.treat('stopped', { hang: true });
    const recipe = testRecipe('stopped', { upstream: testUpstream({ git: server.url('stopped') }) });
    startRouting(farm.context, rosterOf(recipe));
    const { eventId } = await insertEvent(farm.db, order('stopped', null));
    farm.context.bus.publish(SUBJECTS.event, {});
    await until('asked', () => server.looks('stopped') === 1);
    await farm.stop();
    expect(await getEvent(farm.db, eventId)).toMatchObject({ status: 'pending', attempts: 0, lastError: null });
  });
});

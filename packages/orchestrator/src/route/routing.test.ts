import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { BuildPayload, PushPayload } from '@kiln/protocol/events.ts';
import { SUBJECTS } from '@kiln/protocol/live.ts';
import { leaseEvents } from '@kiln/store/event-leases.ts';
import { getEvent, insertEvent, insertEvents, type NewEvent, retryDeadLetter } from '@kiln/store/events.ts';
import { testJob, testRecipe } from '@kiln/store/test-run.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type TestFarm, type TestNode, testFarm, until } from '../../../../tests/support/farm-context.ts';
import { GitRepository } from '../../../../tests/support/git-repository.ts';
import { type GitServer, startGitServer } from '../../../../tests/support/git-server.ts';
import { testUpstream } from '../watch/test-upstream.ts';
import { startWatching } from '../watch/watching.ts';
import { afterRunEvents } from './after.ts';
import { startRouting } from './routing.ts';

let root: string;
let server: GitServer;
let farm: TestFarm;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kiln-routing-'));
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

function rosterOf(...recipes: CompiledRecipe[]) {
  return { all: () => recipes, get: (name: string) => recipes.find((recipe) => recipe.name === name) };
}

const order = (recipe: string, version: string | null, more: Partial<BuildPayload> = {}): NewEvent => ({
  source: 'manual',
  deliveryId: randomUUID(),
  name: 'build',
  routingKey: `recipe:${recipe}`,
  payload: { recipe, version, ref: null, commit: null, force: false, by: 'alice', ...more },
});
const push = (repository: string, more: Partial<PushPayload> = {}): NewEvent => ({
  source: 'github',
  deliveryId: randomUUID(),
  name: 'webhook.push',
  routingKey: 'github:42',
  payload: { repository, urls: [], ref: 'refs/tags/v1', commit: null, deleted: false, sender: 'alice', ...more },
});

/** Stores an event, tells the router, and waits until it is done. */
async function route(event: NewEvent) {
  const { eventId } = await insertEvent(farm.db, event);
  farm.context.bus.publish(SUBJECTS.event, {});
  return await until(`event ${event.deliveryId} is done`, async () => {
    const found = await getEvent(farm.db, eventId);
    return found?.status === 'done' || found?.status === 'dead' ? found : null;
  });
}
const runs = async () =>
  await farm.db<{ recipe: string; version: string; ref: string | null; commit: string | null; trigger: string }[]>`
    SELECT recipe, version, ref, commit_hash AS commit, trigger FROM runs ORDER BY created_at, version`;

describe('an order for a recipe', () => {
  test('becomes one run, with its milestones and log lines', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const event = await route(order('tool', '1.0'));
    expect(event).toMatchObject({ status: 'done', outcome: 'created 1 run', attempts: 1 });
    expect(await runs()).toEqual([{ recipe: 'tool', version: '1.0', ref: null, commit: null, trigger: 'manual' }]);
    const { eventId, requestId, runs: created } = event;
    const line = farm.lines('run created')[0];
    expect(line).toMatchObject({ level: 'info', eventId, requestId, routingKey: 'recipe:tool', runId: created[0] });
    const told = await farm.db`SELECT name, run_id FROM timeline WHERE request_id = ${requestId} ORDER BY timeline_id`;
    expect(told).toEqual([
      { name: 'event.matched', runId: null },
      { name: 'run.created', runId: created[0] },
    ]);
  });

  test.each([
    ['an unknown recipe', 'nothing', '1.0', 'ignored: there is no recipe "nothing"'],
    ['a version that leads elsewhere', 'tool', '../../etc', "can't be a version"],
    ['a recipe that nobody starts by hand', 'shy', '1.0', 'ignored: shy has no manual trigger'],
  ])('%s is ignored with a reason', async (_what, recipe, version, reason) => {
    startRouting(farm.context, rosterOf(testRecipe('tool'), testRecipe('shy', { triggers: [] })));
    expect((await route(order(recipe, version))).outcome).toContain(reason);
    expect(await runs()).toEqual([]);
  });

  test('without a version gets one from the clock, another one each time', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const arrive = async (count: number) => {
      await farm.db.begin(async (sql) => {
        await insertEvents(
          sql,
          Array.from({ length: count }, () => order('tool', null)),
        );
        await sql`UPDATE events SET received_at = ${new Date('2024-01-02T09:30:11Z')}`;
      });
      farm.context.bus.publish(SUBJECTS.event, {});
    };
    await arrive(2);
    await until('two runs', async () => (await runs()).length === 2);
    await arrive(1);
    await until('three runs', async () => (await runs()).length === 3);
    const version = '20240102.093011';
    expect((await runs()).map((run) => run.version)).toEqual([version, `${version}.2`, `${version}.3`]);
  });

  test('is not repeated while a run of it is in progress, unless it is forced', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const first = await route(order('tool', '1.0'));
    expect((await route(order('tool', '1.0'))).outcome).toBe(
      `ignored: run ${first.runs[0]} of tool 1.0 is in progress`,
    );
    expect((await route(order('tool', '1.0', { force: true }))).outcome).toBe('created 1 run');
  });

  test('two for the same version in one batch are one run', async () => {
    await insertEvents(farm.db, [order('tool', '1.0'), order('tool', '1.0'), order('tool', '1.1')]);
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    await until('all done', async () => (await farm.db`SELECT 1 FROM events WHERE status <> 'done'`).length === 0);
    expect((await runs()).map((run) => run.version)).toEqual(['1.0', '1.1']);
  });

  test('waits for the retry of a failed version', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const later = new Date(Date.now() + 60_000);
    await farm.db`
      INSERT INTO backoff (recipe, version, failures, next_retry, run_id) VALUES ('tool', '1.0', 1, ${later}, ${randomUUID()})`;
    expect((await route(order('tool', '1.0'))).outcome).toBe(
      `ignored: tool 1.0 waits for its retry at ${later.toISOString()}`,
    );
    expect(farm.lines('build skipped')).toMatchObject([{ level: 'debug', recipe: 'tool', version: '1.0' }]);
    expect((await route(order('tool', '1.0', { force: true }))).outcome).toBe('created 1 run');
  });

  test('is not built again when it is in the archive, and is built when the archive can not be read', async () => {
    const recipe = testRecipe('tool', { publish: { repository: 'main', package: 'tool', files: ['**'], keep: 1 } });
    const archive = join(farm.context.config.repositoriesDir, 'main', 'archive');
    await mkdir(archive, { recursive: true });
    const index = { format: 1, packages: { tool: { keep: 1, versions: ['1.0'] } } };
    await writeFile(join(archive, 'index.json'), JSON.stringify(index));
    startRouting(farm.context, rosterOf(recipe));
    expect((await route(order('tool', '1.0'))).outcome).toBe('ignored: tool 1.0 is in the archive');
    expect(farm.lines('dedup check failed')).toEqual([]);
    await writeFile(join(archive, 'index.json'), '{');
    const event = await route(order('tool', '1.0'));
    expect(event.outcome).toBe('created 1 run');
    const { requestId, eventId } = event;
    expect(farm.lines('dedup check failed')).toMatchObject([
      { level: 'warn', recipe: 'tool', version: '1.0', requestId, eventId },
    ]);
  });
});

describe('an order that only the upstream can answer', () => {
  const tagged = async (name: string, tags: string[], more = {}) => {
    const repository = await GitRepository.withTags(root, name, tags);
    return { repository, recipe: testRecipe(name, { upstream: testUpstream({ git: server.url(name), ...more }) }) };
  };

  test('gets the newest version, or the one that was named', async () => {
    const { recipe, repository } = await tagged('asked', ['v1.0', '@v1.10', 'v1.9']);
    startRouting(farm.context, rosterOf(recipe));
    await route(order('asked', null));
    await route(order('asked', '1.0'));
    expect(await runs()).toEqual([
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
    expect((await route(order('asked', '1.8'))).outcome).toBe(
      'ignored: the upstream of asked has no version 1.8; near it are 1.0, 1.9, 1.10',
    );
  });

  test('gets the tip of the first branch where no tags are watched', async () => {
    const { recipe, repository } = await tagged('plain', ['v1.0'], { tags: null });
    startRouting(farm.context, rosterOf(recipe));
    const commit = (await repository.resolve('main')) ?? '';
    await route(order('plain', null));
    const [run] = await runs();
    expect(run).toMatchObject({ ref: 'refs/heads/main', commit });
    expect(run?.version).toMatch(new RegExp(`^main\\.\\d{8}\\.\\d{6}\\.${commit.slice(0, 9)}$`));
  });

  test('below the least version is refused without asking', async () => {
    const { recipe } = await tagged('floor', ['v1.0'], { minVersion: '2.0' });
    startRouting(farm.context, rosterOf(recipe));
    expect((await route(order('floor', '1.0'))).outcome).toBe('ignored: floor 1.0 is below its min_version 2.0');
    expect(server.looks('floor')).toBe(0);
  });

  test('does not hold up the others, and is tried again when the upstream does not answer', async () => {
    const { recipe } = await tagged('mute', ['v1.0']);
    server.treat('mute', { hang: true });
    await farm.drop();
    farm = await testFarm({ 'orchestrator.poll_timeout': '1s' });
    startRouting(farm.context, rosterOf(recipe, testRecipe('tool')));
    const { eventId } = await insertEvent(farm.db, order('mute', null));
    expect((await route(order('tool', '1.0'))).outcome).toBe('created 1 run');
    const line = await until('a failed attempt', () => farm.lines('event attempt failed')[0]);
    expect(line).toMatchObject({ level: 'warn', eventId, attempts: 1 });
    expect(line.error).toContain('no answer after 1 s');
    server.treat('mute');
    await farm.db`UPDATE events SET next_attempt_at = now() WHERE event_id = ${eventId}`;
    farm.context.bus.publish(SUBJECTS.event, {});
    await until('done', async () => (await getEvent(farm.db, eventId))?.status === 'done');
    expect((await runs()).map((run) => run.recipe)).toEqual(['tool', 'mute']);
  });

  test('more of them than may be asked at once wait for their turn', async () => {
    const { recipe } = await tagged('popular', ['v1.0']);
    server.treat('popular', { delayMs: 100 });
    await insertEvents(
      farm.db,
      Array.from({ length: 20 }, () => order('popular', null, { force: true })),
    );
    startRouting(farm.context, rosterOf(recipe));
    await until('all done', async () => (await runs()).length === 20);
    expect(await farm.db`SELECT DISTINCT attempts FROM events`).toEqual([{ attempts: 1 }]);
  });
});

describe('a push', () => {
  test('of a tag leads to a look at once, and to a run in the same request', async () => {
    const repository = await GitRepository.withTags(root, 'pushed', ['v1.0']);
    const upstream = testUpstream({ git: server.url('pushed'), repository: 'owner/pushed' });
    const roster = rosterOf(testRecipe('pushed', { upstream, triggers: ['tag'] }));
    startRouting(farm.context, roster);
    await startWatching(farm.context, roster);
    await until('the first run', async () => (await runs()).length === 1);
    await repository.release('v1.1');
    const event = await route(push('owner/pushed'));
    expect(event.outcome).toBe('asked for a poll of pushed');
    expect(farm.lines('webhook accepted, triggering immediate poll')).toMatchObject([
      { level: 'info', recipe: 'pushed', requestId: event.requestId, routingKey: 'github:42' },
    ]);
    await until('the second run', async () => (await runs()).length === 2);
    expect((await runs())[1]).toMatchObject({ version: '1.1', trigger: 'tag' });
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
    await route(push('owner/lib', main));
    const [run] = await runs();
    expect(run).toMatchObject({ ...main, trigger: 'push' });
    expect(run?.version).toMatch(/^main\.\d{8}\.\d{6}\.abcdef012$/);
    expect((await route(push('owner/lib', main))).outcome).toMatch(
      /^ignored: run .* (is in progress|built commit .* already)$/,
    );
    expect(await runs()).toHaveLength(1);
  });

  test('to a repository that nobody watches, or that takes no webhooks, is told and ignored', async () => {
    const upstream = testUpstream({ webhook: false, repository: 'owner/shy' });
    startRouting(farm.context, rosterOf(testRecipe('shy', { upstream, triggers: ['tag'] })));
    expect((await route(push('some/where'))).outcome).toBe('ignored: no recipe watches some/where');
    expect((await route(push('owner/shy'))).outcome).toBe('ignored: shy takes no webhooks (upstream.webhook is false)');
    expect(farm.lines('webhook for a repository that no recipe watches')).toMatchObject([
      { level: 'info', repository: 'some/where' },
    ]);
    expect(farm.lines('webhook for a recipe that takes none')).toMatchObject([{ level: 'info', recipe: 'shy' }]);
  });

  test('a ping starts nothing', async () => {
    startRouting(farm.context, rosterOf());
    const event = await route({ ...push('a/b'), name: 'webhook.ping', payload: {} });
    expect(event).toMatchObject({ status: 'done', outcome: 'ignored: a ping starts nothing' });
  });
});

test('the success of a recipe starts those after it, in the same request, once', async () => {
  const recipes = [testRecipe('base'), testRecipe('top', { triggers: [{ after: 'base' }] })];
  startRouting(farm.context, rosterOf(...recipes));
  const event = await route(order('base', '1.0'));
  const run = { runId: event.runs[0] ?? '', requestId: event.requestId, recipe: 'base', version: '1.0' };
  expect(await farm.db.begin(async (sql) => await afterRunEvents(sql, run, recipes))).toBe(1);
  expect(await farm.db.begin(async (sql) => await afterRunEvents(sql, run, recipes))).toBe(0);
  farm.context.bus.publish(SUBJECTS.event, {});
  await until('two runs', async () => (await runs()).length === 2);
  const [row] = await farm.db`SELECT recipe, trigger, requested_by, request_id FROM runs WHERE recipe = 'top'`;
  expect(row).toEqual({ recipe: 'top', trigger: 'after', requestedBy: 'after base 1.0', requestId: event.requestId });
});

describe('failures', () => {
  const metric = async (node: TestNode, name: string) => {
    const found = await node.context.metrics.registry.getSingleMetric(`kiln_orch_${name}`)?.get();
    return found?.values[0]?.value;
  };
  /** Makes every waiting attempt due, until the event is done or dead. */
  const hurry = async () => {
    await farm.db`UPDATE events SET next_attempt_at = now() WHERE status = 'pending'`;
    farm.context.bus.publish(SUBJECTS.event, {});
  };

  test('an event that fails each time is dead after five attempts, and can be retried', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const { eventId, requestId } = await insertEvent(farm.db, { ...order('tool', '1.0'), payload: { recipe: 7 } });
    farm.context.bus.publish(SUBJECTS.event, {});
    await until('dead', async () => {
      await hurry();
      return (await getEvent(farm.db, eventId))?.status === 'dead';
    });
    const failed = farm.lines('event attempt failed');
    expect(failed.map((line) => [line.eventId, line.attempts])).toEqual([1, 2, 3, 4].map((n) => [eventId, n]));
    const [line] = await until('the last line', () => farm.lines('Event moved to DLQ'));
    expect(line).toMatchObject({ level: 'error', eventId, requestId, name: 'build', routingKey: 'recipe:tool' });
    expect(line?.lastError).toMatch(/the payload is not an order/);
    await until('the depth', async () => (await metric(farm, 'event_dlq_depth')) === 1);
    expect(await metric(farm, 'event_dlq_total')).toBe(1);
    expect(await farm.db`SELECT name FROM timeline`).toEqual([{ name: 'event.dead' }]);

    await farm.db`UPDATE events SET payload = ${farm.db.json({ recipe: 'tool', version: '1.0', ref: null, commit: null, force: false, by: 'x' })}`;
    expect(await retryDeadLetter(farm.db, eventId)).toBe(true);
    farm.context.bus.publish(SUBJECTS.event, {});
    await until('done', async () => (await getEvent(farm.db, eventId))?.status === 'done', 2_000);
    expect(await runs()).toHaveLength(1);
  });

  test('one bad event of a batch does not take the others along', async () => {
    const broken = testRecipe('broken', { jobs: [testJob('same'), testJob('same')] });
    await insertEvents(farm.db, [order('tool', '1.0'), order('broken', '1.0'), order('tool', '1.1')]);
    startRouting(farm.context, rosterOf(testRecipe('tool'), broken));
    await until('the good ones', async () => (await runs()).length === 2);
    await until('the bad one', () => farm.lines('event attempt failed').length === 1);
    expect(await farm.db`SELECT status, count(*) FROM events GROUP BY 1 ORDER BY 1`).toEqual([
      { status: 'done', count: 2 },
      { status: 'pending', count: 1 },
    ]);
  });

  test('the events of a holder that was killed are taken back by the leader only', async () => {
    const { eventId } = await insertEvent(farm.db, order('tool', '1.0'));
    await leaseEvents(farm.db, { instance: 'killed', limit: 1, leaseMs: 0 });
    const follower = await farm.join({ bus: farm.context.bus });
    startRouting(follower.context, rosterOf(testRecipe('tool')), { isLeader: () => false });
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await getEvent(farm.db, eventId))?.status).toBe('leased');
    startRouting(farm.context, rosterOf(testRecipe('tool')), { isLeader: () => true });
    await until('done', async () => (await getEvent(farm.db, eventId))?.status === 'done', 2_000);
    expect(farm.lines('event lease expired')).toMatchObject([
      { level: 'warn', eventId, claimed_by: 'killed', attempts: 1 },
    ]);
    expect(await metric(farm, 'event_lease_expirations_total')).toBe(1);
    expect(await metric(follower, 'event_lease_expirations_total')).toBe(0);
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
    20_000,
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

test('two hundred orders are routed in a moment', async () => {
  await insertEvents(
    farm.db,
    Array.from({ length: 200 }, () => order('tool', null)),
  );
  let done: number | undefined;
  const started = performance.now();
  farm.context.bus.subscribe(SUBJECTS.queue, () => {
    done = performance.now() - started;
  });
  startRouting(farm.context, rosterOf(testRecipe('tool')));
  await until('all runs', async () => (await runs()).length === 200);
  expect(done).toBeLessThan(2_000);
});

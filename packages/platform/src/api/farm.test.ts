import { randomUUID } from 'node:crypto';
import { AgentList, DeadLetters, Overview, PackageList, RecipeDetail, RecipeList, Trace } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { insertEvent } from '@kiln/store/events.ts';
import { recordPackages } from '@kiln/store/packages.ts';
import { claim, seedAgent, seedRecipes, seedRun, testJob, testRecipe } from '@kiln/store/reads/testing-seed.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';

let p: TestPlatform;
const libfoo = testRecipe('libfoo', {
  triggers: ['tag', { push: 'main' }, { schedule: '0 3 * * *' }, { after: 'libz' }],
});
const special = testRecipe('special', { upstream: null, jobs: [testJob('build', { labels: ['gpu'] })] });

beforeAll(async () => {
  p = await testPlatform();
  await seedRecipes(p.db, [testRecipe('libz'), libfoo, special]);
});
afterAll(async () => await p.stop());

const checked = async <T>(path: string, schema: TSchema): Promise<T> => {
  const body = await p.json<T>(path);
  expect([...Compile(schema).Errors(body)]).toEqual([]);
  return body;
};
const git = libfoo.upstream?.git ?? '';
const tag = async (name: string, version: string, more: { passedOver?: boolean; gone?: boolean } = {}) =>
  await p.db`
    INSERT INTO tags (recipe, upstream, tag, version, commit_hash, passed_over, gone_at)
    VALUES ('libfoo', ${git}, ${name}, ${version}, ${'a'.repeat(40)}, ${more.passedOver ?? false}, ${more.gone ? new Date() : null})`;

it('shows recipes with what their upstreams last showed', async () => {
  await p.db`
    INSERT INTO watches (recipe, upstream, next_poll_at, last_poll_at, last_poll)
    VALUES ('libfoo', ${git}, now() + interval '5 minutes', now(), '{"tagsSeen": 3, "matches": 2, "emitted": 1, "durationMs": 12}')`;
  await tag('v1.9', '1.9', { passedOver: true });
  await tag('v1.10', '1.10');
  await tag('v2.0', '2.0', { gone: true });
  const { runId } = await seedRun(p.db, libfoo, '1.10');
  await p.db`INSERT INTO backoff (recipe, version, failures, next_retry, run_id) VALUES ('libfoo', '1.10', 2, now(), ${runId})`;

  const { recipes } = await checked<RecipeList>('/api/recipes', RecipeList);
  expect(recipes.map((recipe) => recipe.name)).toEqual(['libz', 'libfoo', 'special']);
  expect(recipes[1]).toMatchObject({
    newestVersion: '1.10',
    publishedVersion: null,
    lastPoll: { tagsSeen: 3, matches: 2, emitted: 1, passedOver: 0, error: null, durationMs: 12 },
    triggers: ['tag', 'push to main', 'schedule 0 3 * * *', 'after libz'],
    lastRun: { runId },
    backoff: [{ version: '1.10', failures: 2 }],
  });
  const detail = await checked<RecipeDetail>('/api/recipes/libfoo', RecipeDetail);
  expect(detail.tagList.map(({ tag: name, state }) => [name, state])).toEqual([
    ['v2.0', 'gone'],
    ['v1.10', 'queued'],
    ['v1.9', 'passed over'],
  ]);
  expect(detail.runs).toHaveLength(1);
  expect((await p.ask('/api/recipes/none')).status).toBe(404);
});

it('asks for a look at an upstream', async () => {
  const rung: unknown[] = [];
  const stop = p.bus.subscribe(SUBJECTS.watch, (message) => rung.push(message));
  const response = await p.ask('/api/recipes/libfoo/poll', { method: 'POST', body: {} });
  stop();
  expect(response.status).toBe(202);
  const { requestId }: { requestId: string } = await response.json();
  const [watch] = await p.db`SELECT request_id, requested_at FROM watches WHERE recipe = 'libfoo'`;
  expect(watch).toMatchObject({ requestId, requestedAt: expect.any(Date) });
  expect(rung).toHaveLength(1);
  expect(await p.json(`/api/trace/${requestId}`)).toMatchObject({
    kind: 'request',
    timeline: [{ name: 'poll.requested' }],
  });
  expect((await p.ask('/api/recipes/special/poll', { method: 'POST' })).status).toBe(409);
  expect((await p.ask('/api/recipes/none/poll', { method: 'POST' })).status).toBe(404);
});

it('shows on the overview what is wrong, and what is going on', async () => {
  const before = await checked<Overview>('/api/overview', Overview);
  expect(before.problems[0]).toEqual({ message: 'no agent is connected: 1 job waiting', href: '/fleet' });
  await seedRun(p.db, special, '1');
  const agentId = await seedAgent(p.db, 'one', ['linux']);
  await claim(p.db, agentId, 'one', ['linux']);
  await p.db`UPDATE watches SET last_poll = '{"error": "could not resolve host"}'`;
  await new Promise((resolve) => setTimeout(resolve, 220));
  const overview = await checked<Overview>('/api/overview', Overview);
  expect(overview.problems.map((problem) => problem.message)).toEqual([
    '1 job waiting for an agent with gpu',
    "the upstream of libfoo can't be read: could not resolve host",
    'libfoo 1.10 failed 2 times in a row',
  ]);
  expect(overview).toMatchObject({ farmId: 'kiln', queueDepth: 1, day: { runs: 2 }, running: [{ recipe: 'libfoo' }] });
  expect(overview.hours).toHaveLength(24);
  expect(overview.failing).toHaveLength(1);
});

it('shows agents, the connected ones first', async () => {
  await p.db`INSERT INTO agents (agent_id, name) VALUES (${randomUUID()}, 'away')`;
  const { agents } = await checked<AgentList>('/api/agents', AgentList);
  expect(agents.map(({ name, connected, busy }) => [name, connected, busy])).toEqual([
    ['one', true, 1],
    ['away', false, 0],
  ]);
});

it('shows packages page by page', async () => {
  for (const version of ['1.0', '1.1', '1.2']) {
    await p.db.begin(
      async (sql) =>
        await recordPackages(sql, {
          repository: 'main',
          package: 'libfoo',
          version,
          recipe: 'libfoo',
          runId: randomUUID(),
          publishedAt: new Date().toISOString(),
          files: [{ name: `libfoo_${version}.deb`, bytes: 3, sha256: 'a'.repeat(64) }],
          keep: 1,
          activeVersions: [version],
        }),
    );
  }
  const first = await checked<PackageList>('/api/packages?limit=2', PackageList);
  expect(first.packages.map((entry) => entry.active)).toEqual([true, false]);
  const second = await checked<PackageList>(`/api/packages?limit=2&cursor=${first.nextCursor}`, PackageList);
  expect(second).toMatchObject({ packages: [{ version: '1.0' }], nextCursor: null });
  expect((await p.ask('/api/packages?cursor=garbage')).status).toBe(400);
  expect((await checked<RecipeDetail>('/api/recipes/libfoo', RecipeDetail)).publishedVersion).toBe('1.2');
});

it('finds the story of a request by any of its ids', async () => {
  const { runId, requestId, eventId } = await seedRun(p.db, libfoo, '3.0');
  const milestone = { requestId, service: 'orchestrator', instance: 'o1' };
  await addMilestones(p.db, [
    { ...milestone, name: 'event.matched', message: 'matched libfoo' },
    { ...milestone, runId, name: 'run.created', message: 'created libfoo 3.0' },
  ]);
  const [job] = await p.db<{ jobId: string }[]>`SELECT job_id FROM jobs WHERE run_id = ${runId}`;
  const [event] = await p.db<{ deliveryId: string }[]>`SELECT delivery_id FROM events WHERE event_id = ${eventId}`;
  for (const [kind, id] of [
    ['request', requestId],
    ['run', runId],
    ['job', job?.jobId ?? ''],
    ['event', eventId],
    ['delivery', event?.deliveryId ?? ''],
    ['run', runId.slice(0, 8)],
    ['request', requestId.toUpperCase().slice(0, 20)],
  ] as const) {
    const trace = await checked<Trace>(`/api/trace/${id}`, Trace);
    expect(trace).toMatchObject({ id, kind, requestId, events: [{ eventId }], runs: [{ runId }] });
    expect(trace.timeline.map((entry) => entry.name)).toEqual(['event.matched', 'run.created']);
  }
  expect((await p.ask(`/api/trace/${randomUUID()}`)).status).toBe(404);
  expect((await p.ask(`/api/trace/${runId.slice(0, 7)}`)).status).toBe(404);
  await p.db`
    INSERT INTO events (event_id, request_id, source, delivery_id, name, routing_key, payload)
    VALUES ('12345678-0000-4000-8000-000000000001', gen_random_uuid(), 'poll', 'a', 'build', 'x', '{}'),
           ('12345678-0000-4000-8000-000000000002', gen_random_uuid(), 'poll', 'b', 'build', 'x', '{}')`;
  expect((await p.ask('/api/trace/12345678')).status).toBe(409);
});

it('lists, retries and discards dead letters', async () => {
  const ids: string[] = [];
  for (const delivery of ['d1', 'd2', 'd3']) {
    const event = {
      source: 'poll',
      deliveryId: delivery,
      name: 'build',
      routingKey: 'recipe:libfoo',
      payload: {},
    } as const;
    const { eventId } = await insertEvent(p.db, event);
    await p.db`
      UPDATE events SET status = 'dead', attempts = 5, dlq_at = clock_timestamp(), dlq_reason = 'attempts exhausted', last_error = 'boom'
      WHERE event_id = ${eventId}`;
    ids.unshift(eventId);
  }
  const page = await checked<DeadLetters>('/api/dead-letters?limit=2', DeadLetters);
  expect([page.count, page.events.map((event) => event.eventId)]).toEqual([3, ids.slice(0, 2)]);
  const rest = await checked<DeadLetters>(`/api/dead-letters?before=${ids[1]}`, DeadLetters);
  expect(rest.events).toMatchObject([{ eventId: ids[2], lastError: 'boom', attempts: 5 }]);
  const retried = await p.ask(`/api/dead-letters/${ids[0]}/retry`, { method: 'POST', body: {} });
  expect([retried.status, await retried.json()]).toMatchObject([202, { status: 'pending', attempts: 0 }]);
  const remove = async () => (await p.ask(`/api/dead-letters/${ids[1]}`, { method: 'DELETE' })).status;
  expect([await remove(), await remove()]).toEqual([204, 404]);
  expect((await checked<DeadLetters>('/api/dead-letters', DeadLetters)).count).toBe(1);
});

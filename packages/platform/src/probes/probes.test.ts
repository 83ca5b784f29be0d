import type { FarmStatus, RuntimeReadiness } from '@kiln/protocol/api.ts';
import { FarmStatus as FarmStatusSchema } from '@kiln/protocol/api.ts';
import { claim, seedAgent, seedRecipes, seedRun, testRecipe } from '@kiln/store/reads/testing-seed.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { shareRead } from '../http/shared-read.ts';
import { type TestPlatform, testPlatform } from '../testing.ts';

let p: TestPlatform;
const roster = ['libz', 'libfoo', 'musl'].map((name) => testRecipe(name));
beforeAll(async () => {
  p = await testPlatform({ farm_id: 'build-1' });
  await seedRecipes(p.db, roster);
});
afterAll(async () => await p.stop());

const status = async (): Promise<FarmStatus> => {
  await new Promise((resolve) => setTimeout(resolve, 260));
  const response = await fetch(`${p.url}/status`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const body: FarmStatus = await response.json();
  expect([...Compile(FarmStatusSchema).Errors(body)]).toEqual([]);
  return body;
};

it('shows an idle farm in /status, with every key', async () => {
  const milestone = { requestId: crypto.randomUUID(), service: 'orchestrator', instance: 'other', message: '' };
  const attempt = { ...milestone, name: 'job.dispatched', detail: { startsBuild: true } };
  const success = { ...milestone, name: 'run.completed' };
  await addMilestones(p.db, [...Array(47).fill(attempt), ...Array(45).fill(success)]);
  expect(await status()).toEqual({
    farm_id: 'build-1',
    recipes: ['libz', 'libfoo', 'musl'],
    builds_attempted: 47,
    builds_succeeded: 45,
    in_flight: null,
    failures: null,
  });
});

it('shows the oldest build in flight, and failures until they are over', async () => {
  const agentId = await seedAgent(p.db, 'one');
  await seedRun(p.db, testRecipe('libfoo'), '1.2-1');
  const [job] = await claim(p.db, agentId, 'one');
  await seedRun(p.db, testRecipe('libz'), '2.0');
  await claim(p.db, agentId, 'one');
  await p.db`INSERT INTO backoff (recipe, version, failures, next_retry, run_id) VALUES ('musl', '1.2.5-1', 2, '2026-05-07T14:47:11Z', ${job?.runId ?? ''})`;
  const seen = await status();
  expect(seen.in_flight).toMatchObject({ recipe: 'libfoo', version: '1.2-1' });
  expect(Date.now() - Date.parse(seen.in_flight?.started_at ?? '')).toBeLessThan(60_000);
  expect(seen.failures).toEqual({ 'musl@1.2.5-1': { failures: 2, next_retry: '2026-05-07T14:47:11.000Z' } });
  const metrics = await (await fetch(`${p.url}/metrics`)).text();
  expect(metrics).toContain('\nkiln_failures 1\n');
  expect(metrics).toContain('\nkiln_recipe_failing{recipe="musl"} 1\n');
  expect(metrics).toContain('\nkiln_recipe_failing{recipe="libz"} 0\n');
  await p.db`DELETE FROM backoff`;
  expect((await status()).failures).toBeNull();
});

it('stands a tight scrape', async () => {
  const times: number[] = [];
  for (let n = 0; n < 500; n++) {
    const begin = performance.now();
    await (await fetch(`${p.url}/status`)).arrayBuffer();
    times.push(performance.now() - begin);
  }
  times.sort((a, b) => a - b);
  expect(times[250]).toBeLessThan(20);
});

it('answers the liveness probes in the forms that their users know', async () => {
  const healthz = await fetch(`${p.url}/healthz`);
  expect([healthz.status, await healthz.text()]).toEqual([200, 'ok\n']);
  expect((await fetch(`${p.url}/healthz`, { method: 'HEAD' })).status).toBe(200);
  expect(await (await fetch(`${p.url}/health`)).json()).toMatchObject({ status: 'ok', farm_id: 'build-1' });
});

it('shows metrics whose series no client can multiply', async () => {
  await fetch(`${p.url}/api/runs/${crypto.randomUUID()}`);
  await fetch(`${p.url}/no/such/page-${crypto.randomUUID()}`);
  await fetch(`${p.url}/no/such/page`, { method: 'POST' });
  const response = await fetch(`${p.url}/metrics`);
  expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
  const text = await response.text();
  expect(text).toContain('kiln_http_request_duration_seconds_count{method="GET",route="/api/runs/:id",status="4xx"} 1');
  expect(text).toContain('route="unknown"');
  expect(text).not.toMatch(/page-/);
  for (const name of [
    'runs{status="building"} 2',
    'queue_depth 0',
    'agents_connected 1',
    'live_sockets 0',
    'dead_letters 0',
  ]) {
    expect(text).toContain(`\nkiln_${name}\n`);
  }
});

it('is ready when it can do its job, and says why not', async () => {
  const ready = async (): Promise<[number, RuntimeReadiness]> => {
    const response = await fetch(`${p.url}/api/runtime/readiness`);
    return [response.status, await response.json()];
  };
  expect(await ready()).toMatchObject([200, { ready: true, status: 'ready', reason: null, reasons: [] }]);
  p.context.config.dataDir = '/nowhere';
  expect(await ready()).toMatchObject([
    503,
    { reason: 'data_directory_unavailable', components: { database: { ok: true } } },
  ]);
  p.context.config.dataDir = p.dataDir;
});

it('logs where it listens', () => {
  expect(p.logged).toContainEqual(
    expect.objectContaining({ level: 'info', msg: 'webhook server listening', addr: p.url.replace('http://', '') }),
  );
});

it('shares one read among all who ask at once, and forgets a failed one', async () => {
  let reads = 0;
  const shared = shareRead(1000, async () => {
    reads++;
    if (reads === 1) throw new Error('away');
    return reads;
  });
  const first = await Promise.allSettled([shared.read(), shared.read()]);
  expect(first.map((result) => result.status)).toEqual(['rejected', 'rejected']);
  expect(await Promise.all([shared.read(), shared.read(), shared.read()])).toEqual([2, 2, 2]);
  shared.forget();
  expect(await shared.read()).toBe(3);
});

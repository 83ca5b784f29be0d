import { createHash, createHmac, createPublicKey, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@kiln/platform/live/testing-client.ts';
import type { EventDetail, FarmStatus, Me, PackageList, RecipeList, RunDetail, RunList } from '@kiln/protocol/api.ts';
import { insertEvent } from '@kiln/store/events.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { GitRepository } from '../support/git-repository.ts';
import { type GitServer, startGitServer } from '../support/git-server.ts';
import { until } from '../support/until.ts';
import { Cluster, PATIENCE_MS, WEBHOOK_SECRET } from './cluster.ts';

/* What a farm does, done by processes that share a database and a bucket, and no folder: whatever was ordered at one of them is
   seen, read, fetched and ended at any other. */

vi.setConfig({ testTimeout: 4 * PATIENCE_MS, hookTimeout: 2 * PATIENCE_MS });

let root: string;
let git: GitServer;
let libfoo: GitRepository;
let cluster: Cluster;

/** Steps that print some lines, wait until the gate of this name is open, and print some more. */
const gated = (gate: string, lines: number) =>
  `  - for i in $(seq ${lines}); do echo before $i; done\n  - while [ ! -e ${root}/${gate} ]; do sleep 0.05; done\n  - for i in $(seq ${lines}); do echo after $i; done\n`;
const open = async (gate: string) => await writeFile(join(root, gate), '');

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kiln-cluster-test-'));
  git = await startGitServer(root);
  libfoo = await GitRepository.withTags(root, 'libfoo', ['v1.0']);
  cluster = await Cluster.start({
    'libfoo.yaml': `name: libfoo\nupstream:\n  git: ${git.url('libfoo')}\n  tags: 'v(?<version>\\d+\\.\\d+)'\n  poll: 1h\n  repository: acme/libfoo\nsteps:\n  - mkdir out && cp VERSION out/libfoo.txt\nartifacts: ['out/*']\npublish: { keep: 4 }\n`,
    'talker.yaml': `name: talker\nsteps:\n${gated('talker', 20)}`,
    'sleeper.yaml': "name: sleeper\nsteps: [ 'echo asleep', 'sleep 600' ]\n",
    'long.yaml': `name: long\nsteps:\n${gated('long', 2000)}  - mkdir out && echo $KILN_VERSION > out/long.txt\nartifacts: ['out/*']\npublish: { keep: 9 }\n`,
  });
});
afterAll(async () => {
  await cluster?.stop();
  await git?.close();
  await rm(root, { recursive: true, force: true });
});

/** Asks both platforms until they say the same, and gives it as they say it. */
async function bothTexts(path: string): Promise<string> {
  const same = async () => {
    const [one, other] = await Promise.all([cluster.text(0, path), cluster.text(1, path)]);
    return one === other && one;
  };
  return await until(`both platforms say the same of ${path}`, same, PATIENCE_MS);
}

const both = async <T>(path: string): Promise<T> => JSON.parse(await bothTexts(path));

async function webhook(platform: number, body: object): Promise<void> {
  const raw = JSON.stringify(body);
  const signature = createHmac('sha256', WEBHOOK_SECRET).update(raw).digest('hex');
  const response = await fetch(`http://${cluster.platforms[platform]?.address}/webhooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': crypto.randomUUID(),
      'x-hub-signature-256': `sha256=${signature}`,
    },
    body: raw,
  });
  expect(response.status).toBe(200);
}

/** Waits until the job of a run is being built, and gives it with its agent. */
async function building(platform: number, runId: string): Promise<{ jobId: string; agentId: string }> {
  return await until(
    `run ${runId} is building`,
    async () => {
      const [job] = (await cluster.api<RunDetail>(platform, `/api/runs/${runId}`)).jobList;
      const agentId = job?.attempts.at(-1)?.agentId;
      return job?.status === 'building' && agentId ? { jobId: job.jobId, agentId } : null;
    },
    PATIENCE_MS,
  );
}

/** Fetches a package's file as its users do, from one platform: by the index, whose signature is checked. */
async function install(platform: number, name: string, version: string): Promise<string> {
  const base = `http://${cluster.platforms[platform]?.address}/repo/main/active`;
  const get = async (path: string) => {
    const response = await fetch(`${base}/${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return Buffer.from(await response.arrayBuffer());
  };
  const [index, signature, key] = await Promise.all(['index.json', 'index.json.sig', 'key.pem'].map(get));
  if (!index || !signature || !key) throw new Error('the repository has no index');
  expect(verify(null, index, createPublicKey(key), Buffer.from(signature.toString(), 'base64'))).toBe(true);
  const { packages }: Index = JSON.parse(index.toString());
  const file = packages.find((one) => one.package === name)?.versions.find((one) => one.version === version)?.files[0];
  if (!file) throw new Error(`${name} ${version} is not in the index: ${index}`);
  const bytes = await get(file.path.split('/').map(encodeURIComponent).join('/'));
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(file.sha256);
  return bytes.toString();
}

interface Index {
  packages: { package: string; versions: { version: string; files: { path: string; sha256: string }[] }[] }[];
}

test.concurrent('a webhook to one platform becomes a package that is installed through the other', async () => {
  await libfoo.release('v1.1');
  const repository = { id: 42, full_name: 'acme/libfoo', clone_url: 'https://github.com/acme/libfoo.git' };
  const sender = { login: 'octo' };
  await webhook(0, { ref: 'refs/tags/v1.1', after: '1'.padStart(40, '0'), deleted: false, repository, sender });
  const run = await until(
    'libfoo 1.1 is published',
    async () => {
      const { runs } = await cluster.api<RunList>(1, '/api/runs?recipe=libfoo&version=1.1');
      return runs.find(({ status }) => status === 'completed');
    },
    PATIENCE_MS,
  );
  expect(await install(1, 'libfoo', '1.1')).toBe('v1.1\n');
  const { packages } = await both<PackageList>('/api/packages');
  expect(packages.find(({ version }) => version === '1.1')).toMatchObject({ package: 'libfoo', runId: run.runId });
  await both(`/api/trace/${run.runId}`);
});

test.concurrent('a log is followed live at the platform that did not take the order, and read from both when it is sealed', async () => {
  const runId = await cluster.order(0, 'talker', '1');
  const { jobId } = await building(1, runId);
  const url = `http://${cluster.platforms[1]?.address}`;
  const client = await connect({ url, adminToken: cluster.token });
  client.send({ type: 'follow.log', jobId, attempt: 1 });
  const seen = () => Math.max(0, ...client.frames.map(({ firstLine, lines }) => firstLine + lines - 1));
  await until('the first lines are seen while the job waits', () => seen() >= 20, PATIENCE_MS);
  await open('talker');
  const end = await client.got('log.end', PATIENCE_MS);
  client.socket.close();
  expect(end).toMatchObject({ lines: seen() });
  await cluster.finished(0, runId);
  const live = await bothTexts(`/api/jobs/${jobId}/log.txt`);
  expect(live.match(/^(before|after) \d+$/gm)).toHaveLength(40);
  await until(
    'the log is sealed',
    async () =>
      (await cluster.db`SELECT 1 FROM attempts WHERE job_id = ${jobId} AND log_state = 'sealed'`).length === 1,
    PATIENCE_MS,
  );
  expect(await bothTexts(`/api/jobs/${jobId}/log.txt`)).toBe(live);
});

test.concurrent('recipes that the leader reloads count at once for whoever routes', async () => {
  await cluster.writeRecipe('newcomer.yaml', "name: newcomer\nsteps: [ 'true' ]\n");
  cluster.orchestrators[0]?.process.kill('SIGHUP');
  await until(
    'the platforms know the recipe',
    async () => (await cluster.api<RecipeList>(1, '/api/recipes')).recipes.some(({ name }) => name === 'newcomer'),
    PATIENCE_MS,
  );
  const runs = await Promise.all(
    ['1', '2', '3', '4'].map(async (version) => await cluster.order(1, 'newcomer', version)),
  );
  for (const runId of runs) expect((await cluster.finished(0, runId)).status).toBe('completed');
  await both('/api/recipes');
});

test.concurrent('who signed in at one platform is known to the other, until signing out at either', async () => {
  const [first, second] = cluster.platforms.map(({ address }) => `http://${address}`);
  const signedIn = await fetch(`${first}/api/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: cluster.token }),
  });
  const cookie = signedIn.headers.get('set-cookie')?.split(';')[0] ?? '';
  const me = async (base: string | undefined) => {
    const response = await fetch(`${base}/api/me`, { headers: { cookie } });
    const answer: Me = await response.json();
    return response.ok && answer.signedIn && answer.kind;
  };
  expect([await me(first), await me(second)]).toEqual(['session', 'session']);
  await fetch(`${second}/api/sign-out`, { method: 'POST', headers: { cookie, origin: second ?? '' } });
  expect([await me(first), await me(second)]).toEqual([false, false]);
});

test.concurrent('builders, hosts and dead letters are the same at either platform', async () => {
  const post = async (platform: number, path: string, token: string, body: object) =>
    await fetch(`http://${cluster.platforms[platform]?.address}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const issue = async (path: string, body: object) =>
    await cluster.api<{ token: string }>(0, path, { method: 'POST', body });

  const builder = await issue('/api/builder-tokens', { name: 'vm-1' });
  const entries = { task_id: crypto.randomUUID(), entries: [] };
  const told = async (platform: number) =>
    (await post(platform, '/api/vm-build/task-logs', builder.token, entries)).status;
  expect(await told(1)).not.toBe(401);
  await cluster.api(1, '/api/builder-tokens/vm-1', { method: 'DELETE' });
  expect(await told(0)).toBe(401);

  const host = await issue('/api/host-tokens', { name: 'web-1' });
  const attributes = [{ key: 'unit', value: { stringValue: 'a.service' } }];
  const dataPoints = [{ timeUnixNano: `${Date.now()}000000`, attributes, asInt: '1' }];
  const metrics = [{ name: 'systemd_unit_active', gauge: { dataPoints } }];
  const resource = { attributes: [{ key: 'host.name', value: { stringValue: 'web-1' } }] };
  const reading = { resourceMetrics: [{ resource, scopeMetrics: [{ metrics }] }] };
  expect((await post(1, '/v1/metrics', host.token, reading)).status).toBe(200);
  for (const platform of [0, 1])
    expect(await cluster.api(platform, '/api/hosts/web-1')).toMatchObject({ rows: [{ unit: 'a.service' }] });

  const { eventId } = await insertEvent(cluster.db, {
    source: 'manual',
    deliveryId: 'dead',
    name: 'build',
    routingKey: 'recipe:none',
    payload: { recipe: 'none', version: '1', ref: null, commit: null, force: false, by: 'alice' },
  });
  await cluster.db`
    UPDATE events SET status = 'dead', dlq_at = now(), dlq_reason = 'a test', leased_by = NULL, lease_expires_at = NULL, fence = fence + 1
    WHERE event_id = ${eventId}`;
  expect(await both('/api/dead-letters')).toMatchObject({ count: 1, events: [{ eventId }] });
  await cluster.api(1, `/api/dead-letters/${eventId}/retry`, { method: 'POST', body: {} });
  await until(
    'the event is routed',
    async () => (await cluster.api<EventDetail>(0, `/api/events/${eventId}`)).status === 'done',
    PATIENCE_MS,
  );
  expect(await both('/api/dead-letters')).toEqual({ count: 0, events: [] });
});

test('whatever platform takes a cancellation, it reaches the agents of both orchestrators', async () => {
  const runs = await Promise.all(
    ['1', '2', '3'].map(async (version, n) => await cluster.order(n % 2, 'sleeper', version)),
  );
  const jobs = await Promise.all(runs.map(async (runId) => await building(0, runId)));
  const agents = jobs.map(({ agentId }) => agentId);
  const instances = await cluster.db`SELECT DISTINCT instance FROM agents WHERE agent_id = ANY(${agents})`;
  expect([new Set(agents).size, instances.length]).toEqual([3, 2]);
  const cancel = async (runId: string, n: number) =>
    await cluster.api(n % 2, `/api/runs/${runId}/cancel`, { method: 'POST', body: {} });
  await Promise.all(runs.map(cancel));
  for (const runId of runs) expect((await cluster.finished(1, runId)).status).toBe('cancelled');
  expect(cluster.events('attempt ended by force')).toEqual([]);
});

test('when the leading orchestrator is killed in the middle, nothing is lost', async () => {
  const runs = await Promise.all(
    ['1', '2', '3'].map(async (version, n) => await cluster.order(n % 2, 'long', version)),
  );
  await Promise.all(runs.map(async (runId) => await building(0, runId)));
  const leader = async () => (await cluster.db`SELECT holder FROM leadership WHERE expires_at > now()`)[0]?.holder;
  const before = await until('somebody leads', leader, PATIENCE_MS);
  const killed = await cluster.kill(before);
  const waiting = cluster.order(1, 'long', '4');
  await open('long');
  const after = await until(
    'another one leads',
    async () => [await leader()].find((one) => one && one !== before),
    PATIENCE_MS,
  );
  expect(after).not.toBe(before);
  await cluster.replace(killed);
  for (const [n, runId] of [...runs, await waiting].entries()) {
    const run = await cluster.finished(n % 2, runId);
    expect(run).toMatchObject({ status: 'completed', attempt: 1 });
    const [job] = run.jobList;
    expect(job?.attempts.map(({ status }) => status)).toEqual(['completed']);
    const text = await bothTexts(`/api/jobs/${job?.jobId}/log.txt`);
    const said = ['before', 'after'].flatMap((word) => Array.from({ length: 2000 }, (_, i) => `${word} ${i + 1}`));
    expect(text.split('\n').filter((line) => /^(before|after) \d+$/.test(line))).toEqual(said);
    expect(await install(n % 2, 'long', run.version)).toBe(`${run.version}\n`);
  }
  const status = await both<FarmStatus>('/status');
  expect(status).toMatchObject({ in_flight: null, failures: null, recipes: expect.arrayContaining(['newcomer']) });
  expect(status.builds_attempted).toBeGreaterThanOrEqual(status.builds_succeeded);
});

import { createHmac, createPublicKey, verify } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FarmStatus, PackageSummary, Trace } from '@kiln/protocol/api.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Farm, runsOf, startFarm } from './support/farm.ts';
import { GitRepository } from './support/git-repository.ts';
import { type GitServer, startGitServer } from './support/git-server.ts';
import { until } from './support/until.ts';

/** One farm of real processes over a real git server: what its users see of a day's work. */
let root: string;
let git: GitServer;
let libfoo: GitRepository;
let farm: Farm;

const SECRET = 'a webhook secret that is long enough';
const upstream = (name: string, more = '') =>
  `upstream:\n  git: ${git.url(name)}\n  tags: 'v(?<version>\\d+\\.\\d+)'\n  poll: 1h\n${more}`;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kiln-upstreams-'));
  git = await startGitServer(root);
  libfoo = await GitRepository.withTags(root, 'libfoo', ['v1.0', '@v1.1', 'nightly']);
  await GitRepository.withTags(root, 'musl', ['v1.2']);
  await GitRepository.withTags(root, 'slow', ['v3.0']);
  await writeFile(join(root, 'secret'), `${SECRET}\n`);
  farm = await startFarm({
    config: `webhooks:\n  github_secret_file: ${join(root, 'secret')}\n`,
    recipes: {
      'a-libfoo.yaml': `name: libfoo\n${upstream('libfoo', '  repository: acme/libfoo\n')}phases:\n  - name: build\n    steps:\n      - test "$SOURCE_DATE_EPOCH" = "$(git log -1 --format=%ct)"\n      - mkdir out && cp VERSION out/libfoo-$KILN_VERSION.txt\n  - name: test\n    steps: [ 'grep v out/*' ]\nartifacts: ['out/*']\npublish: {}\n`,
      'b-musl.yaml': `name: musl\n${upstream('musl')}steps:\n  - |\n    echo "src/main.c:3: error: 'x' undeclared"\n    exit 1\n`,
      'c-sleepy.yaml': 'name: sleepy\nsteps: [ "sleep 30" ]\n',
      'd-twin.yaml': `name: twin\n${upstream('libfoo', '  webhook: false\n')}steps: [ 'true' ]\n`,
      'e-slow.yaml': `name: slow\n${upstream('slow', '  repository: acme/slow\n')}steps: [ 'true' ]\n`,
    },
  });
});
afterAll(async () => {
  await farm.remove();
  await git.close();
  await rm(root, { recursive: true, force: true });
});

const finishedRun = async (recipe: string, version: string, status: string) =>
  await until(`${recipe} ${version} is ${status}`, async () =>
    (await runsOf(farm)).find((run) => run.recipe === recipe && run.version === version && run.status === status),
  );
const status = async () => await farm.api<FarmStatus>('/status');
const logged = (text: string) =>
  farm
    .log()
    .split('\n')
    .filter((line) => line.includes(text));

async function webhook(
  body: object,
  options: { secret?: string; delivery?: string; event?: string } = {},
): Promise<Response> {
  const raw = JSON.stringify(body);
  const signature = createHmac('sha256', options.secret ?? SECRET)
    .update(raw)
    .digest('hex');
  return await fetch(`${farm.url}/webhooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': options.event ?? 'push',
      'x-github-delivery': options.delivery ?? crypto.randomUUID(),
      'x-hub-signature-256': `sha256=${signature}`,
    },
    body: raw,
  });
}
const push = (repository: string, ref: string) => ({
  ref,
  after: '1'.padStart(40, '0'),
  deleted: false,
  repository: { id: 42, full_name: repository, clone_url: `https://github.com/${repository}.git` },
  sender: { login: 'octo' },
});

test('the newest version of each upstream is built and published, and the older ones are passed over', async () => {
  const run = await finishedRun('libfoo', '1.1', 'completed');
  await finishedRun('twin', '1.1', 'completed');
  expect((await runsOf(farm)).filter((r) => r.recipe === 'libfoo')).toHaveLength(1);
  expect(logged('msg="poll complete"').find((line) => line.includes('recipe=libfoo'))).toMatch(
    /tags_seen=3 matches_emitted=2/,
  );
  for (const words of [
    'msg="recipe roster loaded"',
    'count=5',
    'msg="kiln starting"',
    'mode=daemon',
    'msg="webhook server listening"',
    'msg="starting build"',
    'msg="build + publish complete"',
  ]) {
    expect(logged(words), words).not.toHaveLength(0);
  }
  const { packages } = await farm.api<{ packages: PackageSummary[] }>('/api/packages');
  expect(packages.find((p) => p.package === 'libfoo')).toMatchObject({
    version: '1.1',
    active: true,
    runId: run.runId,
  });
  const file = await fetch(`${farm.url}/repo/main/active/files/libfoo/1.1/libfoo-1.1.txt`);
  expect(await file.text()).toBe('v1.1\n');
});

test('the index of the repository carries a signature that its public key verifies', async () => {
  const get = async (name: string) =>
    Buffer.from(await (await fetch(`${farm.url}/repo/main/active/${name}`)).arrayBuffer());
  const [index, signature, key] = [await get('index.json'), await get('index.json.sig'), await get('key.pem')];
  expect(verify(null, index, createPublicKey(key), Buffer.from(signature.toString(), 'base64'))).toBe(true);
});

test('a signed webhook answers with its request id, and that one id tells the story up to the package', async () => {
  await libfoo.release('v1.2');
  const delivery = crypto.randomUUID();
  const response = await webhook(push('acme/libfoo', 'refs/tags/v1.2'), { delivery });
  expect(response.status).toBe(200);
  const { requestId } = (await response.json()) as { requestId: string };
  expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
  const again = (await (await webhook(push('acme/libfoo', 'refs/tags/v1.2'), { delivery })).json()) as {
    requestId: string;
  };
  expect(again.requestId).toBe(requestId);
  const run = await finishedRun('libfoo', '1.2', 'completed');
  expect(run.requestId).toBe(requestId);
  expect(logged('msg="webhook accepted, triggering immediate poll"').at(-1)).toContain('recipe=libfoo');
  const trace = await farm.api<Trace>(`/api/trace/${delivery}`);
  const names = trace.timeline.map((entry) => entry.name);
  expect(names).toEqual(
    expect.arrayContaining([
      'webhook.received',
      'run.created',
      'job.dispatched',
      'job.completed',
      'run.published',
      'run.completed',
    ]),
  );
  const times = trace.timeline.map((entry) => Date.parse(entry.at));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  expect((await farm.api<Trace>(`/api/trace/${run.runId}`)).requestId).toBe(requestId);
});

test('a webhook with a wrong signature is refused and nothing is polled', async () => {
  await finishedRun('slow', '3.0', 'completed');
  const polls = logged('msg="polling upstream"').length;
  const response = await webhook(push('acme/libfoo', 'refs/tags/v9'), { secret: 'wrong' });
  expect(response.status).toBe(401);
  expect(logged('msg="webhook signature invalid"')).not.toHaveLength(0);
  // What comes after it is polled, and only that.
  expect((await webhook(push('acme/slow', 'refs/tags/v3.0'))).status).toBe(200);
  const polled = await until('the next webhook is heard', () => {
    const lines = logged('msg="polling upstream"').slice(polls);
    return lines.some((line) => line.includes('recipe=slow')) ? lines : null;
  });
  expect(polled.filter((line) => !line.includes('recipe=slow'))).toEqual([]);
});

test('a slow upstream is polled to its end although the webhook was answered long before', async () => {
  await finishedRun('slow', '3.0', 'completed');
  const polls = (state: string) => logged(`msg="${state}"`).filter((line) => line.includes('recipe=slow')).length;
  await until('no poll is under way', () => polls('poll complete') === polls('polling upstream'));
  const before = polls('poll complete');
  const looks = git.looks('slow');
  const mayAnswer = Promise.withResolvers<void>();
  git.treat('slow', { until: mayAnswer.promise });
  expect((await webhook(push('acme/slow', 'refs/tags/v3.0'))).status).toBe(200);
  await until('the upstream is asked', () => git.looks('slow') > looks);
  expect(polls('poll complete')).toBe(before);
  mayAnswer.resolve();
  await until('the slow poll is complete', () => polls('poll complete') > before);
  git.treat('slow');
});

test('a failing build says when it is tried next, and triggers before that do not build it again', async () => {
  await finishedRun('musl', '1.2', 'failed');
  const told = await status();
  expect(told.failures?.['musl@1.2']).toMatchObject({ failures: 1, next_retry: expect.stringMatching(/^\d{4}-.*Z$/) });
  expect(logged('msg="build failed"').at(-1)).toMatch(/level=error.*next_retry_after=/);
  const event = await farm.start('musl', '1.2');
  expect(event.runs).toEqual([]);
  expect(event.outcome).toMatch(/retry/i);
  expect((await status()).builds_attempted).toBe(told.builds_attempted);
  const [run] = (await runsOf(farm)).filter((r) => r.recipe === 'musl');
  const detail = await farm.finished(run?.runId ?? '');
  expect(detail.failure).toMatchObject({
    class: 'Command Failed',
    exitCode: 1,
    lineText: expect.stringContaining("'x' undeclared"),
  });
});

test('status has the exact shape, with the running build in it and null when there is none', async () => {
  expect((await status()).in_flight).toBeNull();
  expect((await status()).recipes).toEqual(['libfoo', 'musl', 'sleepy', 'twin', 'slow']);
  const event = await farm.start('sleepy', '1');
  const told = await until('the sleeper is in flight', async () => {
    const now = await status();
    return now.in_flight ? now : null;
  });
  expect(told.in_flight).toEqual({ recipe: 'sleepy', version: '1', started_at: expect.stringMatching(/Z$/) });
  const [runId = ''] = event.runs;
  await farm.api(`/api/runs/${runId}/cancel`, { method: 'POST' });
  expect((await farm.finished(runId)).status).toBe('cancelled');
  await until('nothing is in flight', async () => (await status()).in_flight === null);
});

test('a reload keeps running builds and every request, and a bad roster keeps the old one', async () => {
  const [runId = ''] = (await farm.start('sleepy', '2')).runs;
  await until('it builds', async () => (await status()).in_flight !== null);
  let failures = 0;
  let answered = 0;
  const load = setInterval(() => {
    fetch(`${farm.url}/status`).then(
      (response) => {
        answered++;
        if (!response.ok) failures++;
      },
      () => failures++,
    );
  }, 5);
  await writeFile(join(farm.data, 'recipes', 'f-new.yaml'), "name: fresh\nsteps: ['true']\n");
  farm.supervisor.kill('SIGHUP');
  await until('the roster has six', async () => (await status()).recipes.length === 6);
  await writeFile(join(farm.data, 'recipes', 'f-new.yaml'), "name: fresh\nstep: ['true']\n");
  farm.supervisor.kill('SIGHUP');
  await until('the mistake is logged', () =>
    logged('level=error').some((line) => line.includes('f-new.yaml') && line.includes('steps')),
  );
  await until('many requests were answered meanwhile', () => answered > 30);
  clearInterval(load);
  expect((await status()).recipes).toContain('fresh');
  expect((await runsOf(farm)).find((run) => run.runId === runId)?.status).toBe('building');
  expect(failures).toBe(0);
  await farm.api(`/api/runs/${runId}/cancel`, { method: 'POST' });
  await farm.finished(runId);
});

test('a tag that moves is reported and not built again', async () => {
  const before = (await runsOf(farm)).filter((run) => run.recipe === 'libfoo').length;
  await libfoo.tag('v1.2', { commit: await libfoo.commit({ VERSION: 'moved\n' }) });
  await webhook(push('acme/libfoo', 'refs/tags/v1.2'));
  await until('the move is logged', () => logged('msg="tag moved"').some((line) => line.includes('recipe=libfoo')));
  expect((await runsOf(farm)).filter((run) => run.recipe === 'libfoo')).toHaveLength(before);
});

test('attempts, successes and failures can be rebuilt from the log', async () => {
  const told = await status();
  expect(logged('msg="starting build"')).toHaveLength(told.builds_attempted);
  expect(logged('msg="build + publish complete"')).toHaveLength(told.builds_succeeded);
  const failing = new Set(
    logged('msg="build failed"').map((line) => `${/recipe=(\S+)/.exec(line)?.[1]}@${/version=(\S+)/.exec(line)?.[1]}`),
  );
  expect([...failing]).toEqual(Object.keys(told.failures ?? {}));
});

test('what failed is remembered over a restart, the counters begin anew, and a stop is clean', async () => {
  expect(await farm.stop()).toBe(0);
  const log = farm.log();
  expect(
    log.split('\n').filter((line) => line.includes('level=error') && !/build failed|f-new|recipe roster/.test(line)),
  ).toEqual([]);
  await rm(join(farm.data, 'recipes', 'f-new.yaml'));
  farm = await startFarm({ recipes: {}, data: farm.data });
  const told = await status();
  expect(told.failures?.['musl@1.2']).toMatchObject({ failures: 1 });
  expect(told.builds_attempted).toBe(0);
  expect(await readFile(join(farm.data, 'admin-token'), 'utf8')).toContain(farm.token);
});

import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunSummary, WebhookAnswer } from '@kiln/protocol/api.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FakeForge, startFakeForge } from '../packages/orchestrator/src/forge/testing-forge.ts';
import { type Farm, runsOf, startFarm } from './support/farm.ts';
import { GitRepository } from './support/git-repository.ts';
import { type GitServer, startGitServer } from './support/git-server.ts';
import { until } from './support/until.ts';

/** A farm of real processes between a git server and the API of its forge: from the webhook to the check run on the commit. */
let root: string;
let git: GitServer;
let api: FakeForge;
let libfoo: GitRepository;
let farm: Farm;

const SECRET = 'a webhook secret that is long enough';
const PUBLIC_URL = 'https://build.example/kiln';

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'kiln-forge-'));
  git = await startGitServer(root);
  api = await startFakeForge('github');
  libfoo = await GitRepository.withTags(root, 'acme/libfoo', ['@v1.0']);
  await writeFile(join(root, 'secret'), `${SECRET}\n`);
  await writeFile(join(root, 'token'), `${api.token}\n`);
  const forge = `  - kind: github\n    url: ${new URL(git.url('')).origin}\n    api: ${api.url}\n    token_file: ${join(root, 'token')}\n    report: check-run\n`;
  const upstream = `upstream:\n  git: ${git.url('acme/libfoo')}\n  tags: 'v(?<version>.+)'\n  poll: 1h\n`;
  farm = await startFarm({
    env: { KILN_HTTP_PUBLIC_URL: PUBLIC_URL },
    config: `webhooks:\n  github_secret_file: ${join(root, 'secret')}\nforges:\n${forge}`,
    recipes: {
      'libfoo.yaml': `${upstream}phases:\n  - name: build\n    steps:\n      - mkdir out && cp VERSION out/libfoo-$KILN_VERSION.txt\nartifacts: ['out/*']\npublish: {}\n`,
      'broken.yaml': `${upstream}phases:\n  - name: test\n    steps:\n      - |\n        echo "src/main.c:3: error: 'x' undeclared"\n        exit 1\n`,
      'elsewhere.yaml': "steps: [ 'true' ]\n",
    },
  });
});
afterAll(async () => {
  await farm.remove();
  await api.close();
  await git.close();
  await rm(root, { recursive: true, force: true });
});

async function webhook(ref: string): Promise<WebhookAnswer> {
  const repository = { id: 42, full_name: 'acme/libfoo', clone_url: git.url('acme/libfoo') };
  const raw = JSON.stringify({ ref, after: '0'.repeat(40), deleted: false, repository, sender: { login: 'octo' } });
  const response = await fetch(`${farm.url}/webhooks/github`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': crypto.randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', SECRET).update(raw).digest('hex')}`,
    },
    body: raw,
  });
  return (await response.json()) as WebhookAnswer;
}

const told = (run: RunSummary, state: string) =>
  api.seen.find(({ body, ...seen }) => body.external_id === run.runId && seen.state === state);
const finished = async (recipe: string, version: string, status: string) =>
  await until(`${recipe} ${version} is ${status}`, async () =>
    (await runsOf(farm)).find((run) => run.recipe === recipe && run.version === version && run.status === status),
  );

test('the check run of a pushed tag holds the trace of its webhook and its run', async () => {
  await finished('libfoo', '1.0', 'completed');
  const commit = await libfoo.release('@v1.1');
  const { requestId } = await webhook('refs/tags/v1.1');
  const run = await finished('libfoo', '1.1', 'completed');
  const check = await until('the success is told', () => told(run, 'success'));
  expect(run.requestId).toBe(requestId);
  expect(check).toMatchObject({
    repository: 'acme/libfoo',
    sha: commit,
    context: 'kiln/libfoo',
    link: `${PUBLIC_URL}/runs/${run.runId}`,
  });
  const lines = check.text.split('\n');
  expect(lines).toContain(`Trace: ${requestId}`);
  expect(lines).toContain(`Run: ${run.runId}`);
  expect(check.text).toMatch(/Built and published in /);
  const line = new RegExp(
    `level=info msg="commit status reported".*runId=${run.runId} requestId=${requestId}.* state=success`,
  );
  await until('the report is logged', () => line.test(farm.log()));
  const trace = await farm.api<{ timeline: { name: string }[] }>(`/api/trace/${requestId}`);
  expect(trace.timeline.map(({ name }) => name)).toContain('forge.reported');
});

test('a failing one says where, why and when it is tried next, and so does the next try', async () => {
  const run = await finished('broken', '1.1', 'failed');
  const check = await until('the failure is told', () => told(run, 'failure'));
  expect(check.text).toContain('Failed in phase test: ');
  expect(check.text).toContain("\n    src/main.c:3: error: 'x' undeclared\n");
  expect(check.text).toContain(`\nTrace: ${run.requestId}\n`);
  expect(check.text).toContain(`\nRun: ${run.runId}\n`);
  expect(check.text).toContain(`The next try is at ${run.retryAt?.slice(0, 16).replace('T', ' ')} UTC.`);
  await farm.api(`/api/runs/${run.runId}/retry`, { method: 'POST' });
  await until(
    'its second failure is told',
    () => api.seen.filter(({ text }) => text.includes(run.runId) && text.includes(', attempt 2')).length > 0,
  );
});

test('a run without a commit is nobody’s business, and every call was as the API wants it', async () => {
  const [runId = ''] = (await farm.start('elsewhere', '1')).runs;
  await farm.finished(runId);
  expect(api.seen.filter(({ text }) => text.includes(runId))).toEqual([]);
  expect(api.broken).toEqual([]);
  const metrics = await (await fetch(`${orchestratorUrl(farm)}/metrics`)).text();
  expect(metrics).toMatch(/kiln_orch_forge_reports_total\{kind="github",outcome="told"\} \d/);
});

/** Where the orchestrator of a farm listens, by what it logged. */
function orchestratorUrl({ log }: Farm): string {
  const [, address] = /msg="listening for agents".* addr=(\S+)/.exec(log()) ?? [];
  return `http://${address}`;
}

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { RunDetail } from '@kiln/protocol/api.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readReadyFile } from '../packages/cli/src/farm/ready-file.ts';
import { type Farm, startFarm } from './support/farm.ts';
import { pidsOf } from './support/farm-processes.ts';
import { attack, brokenRequests, type Outcome, sayBytes, type Target, targetsOf } from './support/hostile-http.ts';
import { BROKEN_FRAMES, HostileSocket, nastyFrame, nastyMessage } from './support/hostile-sockets.ts';
import { Random } from './support/random.ts';

/** Whoever can reach Kiln, even with a valid token, can neither stop nor bloat it. The same every time; another seed tries other things. */
const SEED = Number(process.env.KILN_TEST_SEED ?? 20_261_124);
const random = new Random(SEED);
/** How often each route is asked. */
const ATTACKS = 16;
/** What the server may take more than before, in bytes: garbage of several times that was sent. */
const MOST_GROWTH = 300e6;
/** Routes that are no part of the API, or that the description leaves out. */
const HIDDEN: Target[] = [
  ...['/webhooks/{kind}', '/v1/metrics', '/api/sign-in', '/api/{id}'].map((path) => ({ method: 'POST', path })),
  ...['/', '/{id}', '/assets/{id}', '/repo/{id}/{id}', '/sign-in', '/runs/{id}', '/metrics', '/health'].map((path) => ({
    method: 'GET',
    path,
  })),
].map((target) => ({ ...target, query: ['code', 'next'], body: null }));
const AGENTS: Target[] = [
  {
    method: 'POST',
    path: '/agents/enrol',
    query: [],
    body: { type: 'object', properties: { name: { type: 'string' } } },
  },
  { method: 'GET', path: '/agents/socket', query: [], body: null },
  { method: 'PUT', path: '/agents/jobs/{id}/{id}/artifacts/{id}', query: ['sha256', 'fence'], body: null },
  { method: 'POST', path: '/agents/{id}', query: [], body: null },
  { method: 'GET', path: '/metrics', query: [], body: null },
];

let farm: Farm;
let orchestrator: string;
let server: number;
let ids: string[];
let before: number;
beforeAll(async () => {
  farm = await startFarm({ recipes: { 'hello.yaml': "steps: ['echo hello']\n" } });
  orchestrator = ((await readReadyFile(farm.data))?.orchestrator ?? '').replace(/^ws/, 'http');
  const [runId = ''] = (await farm.start('hello', '1')).runs;
  const run = await farm.finished(runId);
  ids = [runId, run.jobList[0]?.jobId ?? '', 'hello', run.requestId];
  server = (await pidsOf(farm.data, 'server'))[0] ?? 0;
  before = await memory();
});
afterAll(async () => await farm.remove());

/** Resident bytes of the server's process, which must be the one that it was. */
async function memory(): Promise<number> {
  const status = await readFile(`/proc/${server}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

async function agentToken(): Promise<string> {
  const response = await fetch(`${orchestrator}/agents/enrol`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${(await readFile(join(farm.data, 'join-token'), 'utf8')).trim()}`,
      'content-type': 'application/json',
    },
    body: '{"name":"hostile"}',
  });
  return ((await response.json()) as { token: string }).token;
}

/** What is wrong with an answer; null when nothing is. */
function wrongWith({ status, body }: Outcome): string | null {
  // Not being ready is an honest answer of a probe; nobody else has it.
  if (status >= 500) return `status ${status}`;
  if (/\bat .*\.(ts|js):\d+|node:internal|node_modules/.test(body)) return 'a stack trace';
  if (body.includes('root:x:0')) return 'a file of the system';
  if (body.includes(farm.data)) return 'the name of a folder';
  return null;
}

async function attackAll(base: string, token: string, targets: readonly Target[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const target of targets) {
    const outcomes = await Promise.all(
      Array.from({ length: ATTACKS }, async () => await attack(base, token, target, ids, random)),
    );
    for (const outcome of outcomes) {
      const what = wrongWith(outcome);
      if (what !== null) wrong.push(`${what}: ${outcome.asked}\n  ${outcome.body.slice(0, 300)}`);
    }
  }
  return wrong;
}

test('no request of a client is answered with 5xx, a stack trace or a file', async () => {
  const response = await fetch(`${farm.url}/api/openapi.json`, { headers: { authorization: `Bearer ${farm.token}` } });
  const targets = targetsOf((await response.json()) as Parameters<typeof targetsOf>[0]);
  expect(targets.length).toBeGreaterThan(40);
  // Nothing that ends this very token or waits for a live answer is among them: sign-out ends sessions only.
  expect(await attackAll(farm.url, farm.token, [...targets, ...HIDDEN])).toEqual([]);
  expect(await attackAll(orchestrator, await agentToken(), AGENTS)).toEqual([]);
});

test('what is not HTTP, or ends early, is refused and not waited for without end', async () => {
  for (const [base, path] of [
    [farm.url, '/api/runs'],
    [farm.url, '/webhooks/generic'],
    [orchestrator, '/agents/enrol'],
  ] as const) {
    const broken = brokenRequests(path, farm.token, random);
    const said = await Promise.all(
      broken.flatMap((bytes) => [sayBytes(base, bytes, 700), sayBytes(base, bytes, 700, true)]),
    );
    for (const [index, answer] of said.entries()) {
      const asked = String(broken[index >> 1]).slice(0, 100);
      expect([asked, /^HTTP\/1\.[01] 5\d\d/m.test(answer), /\bat .*\.ts:\d+/.test(answer)]).toEqual([
        asked,
        false,
        false,
      ]);
    }
  }
});

test('whatever comes over a WebSocket is answered or ends it', async () => {
  const agent = await agentToken();
  const live = farm.url.replace('http', 'ws');
  for (const [url, token] of [
    [`${live}/api/live`, farm.token],
    [`${live}/api/vm-build/logs/stream`, farm.token],
    [`${orchestrator.replace('http', 'ws')}/agents/socket`, agent],
  ] as const) {
    const sockets = Array.from({ length: 12 }, () => new HostileSocket(url, token));
    for (const socket of sockets) {
      expect(await socket.opened()).toBe(true);
      for (let n = 0; n < 25; n++) socket.send(nastyMessage(random));
    }
    const broken = BROKEN_FRAMES.map(() => new HostileSocket(url, token));
    for (const [index, socket] of broken.entries()) {
      await socket.opened();
      socket.sendRaw(BROKEN_FRAMES[index] ?? Buffer.alloc(0));
    }
    const large = new HostileSocket(url, token);
    await large.opened();
    large.send(Buffer.alloc(6_000_000, 'x'));
    await Promise.all(sockets.map(async (socket) => await socket.leave()));
    await Promise.all([...broken, large].map(async (socket) => await socket.thrownOut()));
    for (const socket of broken) expect([1002, 1006, 1007, 1009]).toContain(socket.closed);
    expect([1006, 1008, 1009, 4400]).toContain(large.closed);
  }
});

test('a flood that nobody reads the answers of takes no memory', async () => {
  const agent = await agentToken();
  const live = farm.url.replace('http', 'ws');
  let peak = 0;
  const watch = setInterval(async () => {
    peak = Math.max(peak, await memory().catch(() => 0));
  }, 50);
  const follow = JSON.stringify({ type: 'follow.log', jobId: ids[1], attempt: 1 });
  const floods: [string, string, string | Uint8Array][] = [
    [`${live}/api/live`, farm.token, follow],
    [`${live}/api/live`, farm.token, 'x'.repeat(4000)],
    [`${live}/api/vm-build/logs/stream`, farm.token, '{"type":"ping"}'],
    [`${live}/api/vm-build/logs/stream`, farm.token, JSON.stringify({ type: 'subscribe', task_id: ids[1] })],
    [`${live}/api/vm-build/logs/stream`, farm.token, JSON.stringify({ type: 'unsubscribe', task_id: 'x'.repeat(200) })],
    [`${orchestrator.replace('http', 'ws')}/agents/socket`, agent, nastyFrame(random)],
  ];
  await Promise.all(
    floods.map(async ([url, token, data]) => {
      const socket = new HostileSocket(url, token);
      if (!(await socket.opened())) throw new Error(`${url} does not open`);
      await socket.flood(data, 8_000_000);
      await socket.leave();
    }),
  );
  clearInterval(watch);
  expect(peak - before).toBeLessThan(MOST_GROWTH);
}, 120_000);

test('bodies that do not end hold nobody up, and after all that the farm works as before', async () => {
  const { hostname, port } = new URL(farm.url);
  const slow = Array.from({ length: 40 }, () => {
    const socket = connect(Number(port), hostname).on('error', () => {});
    socket.write(
      `POST /api/runs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${farm.token}\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{"`,
    );
    return socket;
  });
  await Promise.all(slow.map(async (socket) => await once(socket, 'connect')));
  const [runId = ''] = (await farm.start('hello', '2')).runs;
  const run: RunDetail = await farm.finished(runId);
  expect(run.status).toBe('completed');
  for (const socket of slow) socket.destroy();
  expect(await pidsOf(farm.data, 'server')).toEqual([server]);
  // What was let go may not be collected yet.
  await expect.poll(async () => (await memory()) - before, { timeout: 25_000 }).toBeLessThan(MOST_GROWTH);
  expect(
    farm
      .log()
      .split('\n')
      .filter((line) => line.includes('level=error') || line.includes('level=fatal')),
  ).toEqual([]);
});

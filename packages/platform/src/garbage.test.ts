import { randomBytes, randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import {
  claim,
  seedAgent,
  seedFrames,
  seedRecipes,
  seedRun,
  testFrame,
  testRecipe,
} from '@kiln/store/reads/testing-seed.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type TestPlatform, testPlatform } from './testing.ts';

let p: TestPlatform;
let known: { runId: string; jobId: string; eventId: string };

beforeAll(async () => {
  p = await testPlatform();
  const recipe = testRecipe('libfoo');
  await seedRecipes(p.db, [recipe]);
  const { runId, eventId } = await seedRun(p.db, recipe, '1');
  const [job] = await claim(p.db, await seedAgent(p.db, 'one'), 'one');
  if (!job) throw new Error('no job was claimed');
  await seedFrames(p.db, [testFrame(job, 1, 1, ['a', 'b'])]);
  known = { runId, eventId, jobId: job.jobId };
  const secret = join(p.dataDir, 'secret');
  await writeFile(secret, 'secret');
  p.context.config.webhooks.gitlabTokenFile = secret;
});
afterAll(async () => await p.stop());

/** Asks as the admin, with the address and the body as they are. Gives the status. */
const ask = async (
  method: string,
  path: string,
  body: string | Buffer | null = null,
  headers: Record<string, string> = {},
): Promise<number> =>
  await new Promise((resolve, reject) => {
    const { hostname, port } = new URL(p.url);
    const auth = { authorization: `Bearer ${p.adminToken}`, 'x-gitlab-token': 'secret', accept: 'application/json' };
    const asked = request({ hostname, port, method, path, headers: { ...auth, ...headers } }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    asked.on('error', reject);
    asked.end(body);
  });

const IDS = [
  'x',
  '%00',
  '%',
  '%zz',
  '..',
  '%2e%2e',
  '-1',
  '0',
  'null',
  '%F0%9F%92%A9',
  'a'.repeat(3000),
  "'%3Bdrop",
  randomUUID(),
];
const QUERIES = [
  'attempt=99999999999',
  'attempt=-1',
  'attempt=1.5',
  'attempt=NaN',
  'from=1e309',
  'from=-9007199254740993',
  'limit=%00',
  'limit[]=1',
  'recipe=%00',
  'recipe=%ff',
  'version=a%00b',
  'cursor=%00',
  'cursor=9999999999999999.00000000-0000-0000-0000-000000000000',
  'cursor=W10',
  'cursor=WyIyMDI2LTAxLTAxIiwiXHUwMDAwIiwiYSIsImIiXQ',
  'before=x',
  'before=00000000-0000-0000-0000-000000000000',
  '__proto__=1',
  'constructor=1',
  '=',
  '&&&',
  'code=%00',
  `q=${'z'.repeat(5000)}`,
];
const BODIES = [
  '',
  '{',
  'null',
  '[]',
  '"x"',
  '1e999',
  '{"recipe":"libfoo","version":"\\u0000"}',
  '{"recipe":"libfoo","version":"\\ud800"}',
  '{"recipe":"\\u0000"}',
  '{"__proto__":{"x":1},"recipe":"libfoo"}',
  '{"token":"\\u0000\\u0000"}',
  `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`,
  `{"recipe":"${'x'.repeat(100_000)}"}`,
];
const TYPES = [
  'application/json',
  'text/plain',
  'application/xml',
  'garbage',
  'multipart/form-data; boundary=x',
  ';;;',
  '',
];

it('answers no garbage with 5xx', async () => {
  const spec = await p.json<{ paths: Record<string, Record<string, unknown>> }>('/api/openapi.json');
  const routes = Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
  );
  const wrong: string[] = [];
  const note = async (
    method: string,
    path: string,
    body: string | null = null,
    headers: Record<string, string> = {},
  ) => {
    const status = await ask(method, path, body, headers);
    if (status >= 500)
      wrong.push(
        `${status} ${method} ${path.slice(0, 120)} ${body?.slice(0, 60) ?? ''} ${headers['content-type'] ?? ''}`,
      );
  };
  for (const [method, template] of [...routes, ['GET', '/sign-in'], ['GET', '/repo/{id}'], ['GET', '/{id}']] as const) {
    for (const id of IDS) await note(method, template.replaceAll(/\{\w+\}/g, id));
    const real = template
      .replace('/runs/{id}', `/runs/${known.runId}`)
      .replace('/jobs/{id}', `/jobs/${known.jobId}`)
      .replace('/events/{id}', `/events/${known.eventId}`)
      .replace('{name}', 'libfoo')
      .replace('{id}', known.eventId);
    if (method === 'GET') for (const query of QUERIES) await note(method, `${real}?${query}`);
    else for (const body of BODIES) await note(method, real, body, { 'content-type': 'application/json' });
  }
  for (const type of TYPES) await note('POST', '/api/runs', '{"recipe":"libfoo"}', { 'content-type': type });
  for (const type of TYPES) await note('POST', '/webhooks/gitlab', '{"ref":"x"}', { 'content-type': type });
  for (const method of ['PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH']) {
    for (const path of ['/', '/status', '/api/runs', '/api/nothing', '/webhooks/gitlab', '/repo/x', '/assets/x'])
      await note(method, path);
  }
  expect(wrong).toEqual([]);
});

it('takes no encoded and no broken body for a webhook', async () => {
  for (const body of [randomBytes(1000), Buffer.from([0xff, 0xfe, 0x00]), Buffer.alloc(0)]) {
    expect(await ask('POST', '/webhooks/gitlab', body, { 'content-type': 'application/json' })).toBe(400);
  }
});

it('closes on what is not HTTP', async () => {
  const { hostname, port } = new URL(p.url);
  for (const garbage of [
    '\x16\x03\x01\x00garbage',
    'GET\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    `GET / HTTP/1.1\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`,
  ]) {
    const answer = await new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(Number(port), hostname, () => socket.write(garbage));
      socket.on('data', (data) => {
        text += data.toString();
      });
      socket.on('close', () => resolve(text));
      socket.on('error', () => socket.destroy());
    });
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
  }
});

it('takes no half request for a fault of the database', async () => {
  const { hostname, port } = new URL(p.url);
  const socket = connect(Number(port), hostname);
  socket.write(
    'POST /api/sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"to',
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  socket.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(p.logged.filter((line) => line.level === 'error')).toEqual([]);
});

it('opens a WebSocket at one address only', async () => {
  for (const path of ['/', '/api/runs', '/webhooks/github', '/repo/', '/nothing']) {
    const socket = new WebSocket(p.url.replace('http', 'ws') + path, {
      headers: { authorization: `Bearer ${p.adminToken}` },
    });
    const status = await new Promise((resolve) => {
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode));
      socket.on('open', () => resolve('open')).on('error', () => {});
    });
    socket.terminate();
    expect([path, status]).toEqual([path, 400]);
  }
});

it('still works after all that', async () => {
  expect(await p.json('/api/me')).toMatchObject({ signedIn: true });
  expect(p.logged.filter((line) => line.level === 'error')).toEqual([]);
});

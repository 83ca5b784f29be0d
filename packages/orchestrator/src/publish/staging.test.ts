import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { type Principal, SCOPES } from '@kiln/protocol/permissions.ts';
import { guardRoutes } from '@kiln/service/access/guard.ts';
import { createHttp } from '@kiln/service/http.ts';
import { createLogger } from '@kiln/service/log.ts';
import { type BlobStore, BlobStoreFull } from '@kiln/store/blobs/blob-store.ts';
import type { Database, Transaction } from '@kiln/store/database.ts';
import { artifactsOfRun, artifactsToPublish } from '@kiln/store/runs/staged-outputs.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import type { FastifyInstance } from 'fastify';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { until } from '../../../../tests/support/until.ts';
import { readStaged, STAGED_KEY } from './staged.ts';
import { registerArtifactRoutes } from './staging.ts';
import { sha256, type TestFarm, testFarm } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let farm: TestFarm;
let app: FastifyInstance;
let port: number;
const agentId = randomUUID();
const token = randomBytes(32).toString('base64url');
const attempt = { runId: '', jobId: '', attempt: 2, fence: 5 };

beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());
beforeEach(async () => {
  farm = await testFarm(made.db);
  Object.assign(attempt, await heldAttempt());
  await serve();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await app.close();
  await farm.remove();
});

/** Listens; an upload may be silent for so long. */
async function serve({ db = made.db, silenceMs = 60_000 } = {}): Promise<void> {
  const log = createLogger({ level: 'error', format: 'json', service: 'test', instance: 'test' });
  app = createHttp({ log, health: () => ({}), ready: async () => ({ ready: true, reasons: [] }) });
  const agent: Principal = { kind: 'agent', id: agentId, scopes: SCOPES.agent, credentialId: randomUUID() };
  await guardRoutes(app, { log, find: async (_kinds, shown) => (shown === token ? agent : null) });
  registerArtifactRoutes(app, { db, blobs: farm.context.blobs, silenceMs });
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = Number(new URL(app.listeningOrigin).port);
}

/** A run with one job that the agent holds. */
async function heldAttempt(): Promise<{ runId: string; jobId: string }> {
  const [eventId, requestId, runId, jobId] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  const { db } = made;
  await db`INSERT INTO events (event_id, request_id, source, delivery_id, name, routing_key, payload)
    VALUES (${eventId}, ${requestId}, 'manual', ${eventId}, 'build', 'libfoo', '{}')`;
  await db`INSERT INTO runs (run_id, event_id, request_id, recipe, version, trigger, requested_by, compiled, event_time)
    VALUES (${runId}, ${eventId}, ${requestId}, 'libfoo', '1.0', 'manual', 'test', '{}', now())`;
  await db`INSERT INTO jobs (job_id, run_id, position, name, status, spec, labels, needs, unmet, priority, attempt, fence, agent_id)
    VALUES (${jobId}, ${runId}, 0, 'build', 'building', '{}', '{}', '{}', 0, 0, ${attempt.attempt}, ${attempt.fence}, ${agentId})`;
  return { runId, jobId };
}

interface Upload {
  digest?: string | undefined;
  jobId?: string;
  attempt?: number | string;
  fence?: number | string;
  token?: string;
  type?: string;
}

async function put(
  path: string,
  body: Buffer | string,
  upload: Upload = {},
): Promise<{ status: number; body: unknown }> {
  const { jobId = attempt.jobId, attempt: number = attempt.attempt, fence = attempt.fence } = upload;
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  const digest = 'digest' in upload ? upload.digest : sha256(body);
  const answer = await fetch(`http://127.0.0.1:${port}/agents/artifacts/${jobId}/${number}/${fence}/${encoded}`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${upload.token ?? token}`,
      ...(digest === undefined ? {} : { 'x-kiln-sha256': digest }),
      ...(upload.type === undefined ? {} : { 'content-type': upload.type }),
    },
    body: new Uint8Array(Buffer.from(body)),
  });
  return { status: answer.status, body: await answer.json() };
}

async function putStream(path: string, body: ReadableStream<Uint8Array>, digest: string): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'x-kiln-sha256': digest };
  const init: RequestInit & { duplex: 'half' } = { method: 'PUT', headers, body, duplex: 'half' };
  return await fetch(`http://127.0.0.1:${port}/agents/artifacts/${attempt.jobId}/2/5/${path}`, init);
}

const refused = (status: number, code: string) => ({ status, body: { error: { code, message: expect.any(String) } } });
/** Every staged blob that there is, in no order. */
async function staged(): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of farm.context.blobs.list('')) keys.push(key);
  return keys;
}

/** Parts of uploads under way. */
const parts = async () => await readdir(join(farm.context.config.dataDir, 'blobs', '.tmp')).catch(() => []);

/** The bytes that are on record for a path. */
async function bytesOf(path: string): Promise<Buffer> {
  const [artifact] = (await artifactsOfRun(made.db, attempt.runId)).filter((one) => one.path === path);
  if (!artifact) throw new Error(`${path} is not on record`);
  return await buffer(readStaged(farm.context, attempt.runId, artifact));
}

describe('an upload', () => {
  test('is staged, recorded, and the same again changes nothing', async () => {
    const data = randomBytes(3_000_000);
    const answer = { status: 200, body: { path: 'out/a.bin', bytes: data.length, sha256: sha256(data) } };
    expect(await put('out/a.bin', data)).toEqual(answer);
    expect(await put('out/a.bin', data, { type: 'application/json' })).toEqual(answer);
    const [key = '', ...others] = await staged();
    expect([key, others]).toEqual([expect.stringMatching(STAGED_KEY), []]);
    expect(sha256(await bytesOf('out/a.bin'))).toBe(sha256(data));
    const recorded = [
      { jobId: attempt.jobId, attempt: 2, path: 'out/a.bin', bytes: data.length, sha256: sha256(data), key },
    ];
    expect(await artifactsOfRun(made.db, attempt.runId)).toEqual(recorded);
    expect(await artifactsToPublish(made.db, attempt.runId)).toEqual([]);
    await made.db`UPDATE jobs SET status = 'completed' WHERE job_id = ${attempt.jobId}`;
    expect(await artifactsToPublish(made.db, attempt.runId)).toEqual(recorded);
  });

  test('can be empty, and have any name that a file can', async () => {
    const long = `${'a'.repeat(250)}/`.repeat(3);
    const names = ['empty', '100%.txt', 'a b#c?d&e=f;g:h@i+j~k', 'ünïcode/文件', 'x%2Fy', '.hidden', '-rf', `${long}b`];
    for (const name of names) expect([name, (await put(name, '')).status]).toEqual([name, 200]);
    expect((await artifactsOfRun(made.db, attempt.runId)).map(({ path }) => path).sort()).toEqual([...names].sort());
    expect(await staged()).toHaveLength(names.length);
  });

  test('of many at once is whole for each', async () => {
    const files = Array.from({ length: 20 }, (_, i) => ({ path: `out/${i}`, data: randomBytes(100_000 + i) }));
    const answers = await Promise.all(files.map(async ({ path, data }) => await put(path, data)));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    for (const { path, data } of files) expect(sha256(await bytesOf(path))).toBe(sha256(data));
  });

  test('to one path at once is one of them, with the others refused', async () => {
    const bodies = Array.from({ length: 8 }, (_, i) => `body ${i}`);
    const answers = await Promise.all(bodies.map(async (body) => await put('a', body)));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(409)]);
    const winner = bodies[answers.findIndex(({ status }) => status === 200)] ?? '';
    expect(String(await bytesOf('a'))).toBe(winner);
    expect(await staged()).toHaveLength(1);
    expect(await artifactsOfRun(made.db, attempt.runId)).toMatchObject([{ path: 'a', sha256: sha256(winner) }]);
  });

  test('of any size needs no memory for it', async () => {
    const chunk = randomBytes(1 << 20);
    const chunks = 256;
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent++ < chunks) controller.enqueue(chunk);
        else controller.close();
      },
    });
    const before = process.memoryUsage().rss;
    const hash = createHash('sha256');
    for (let i = 0; i < chunks; i++) hash.update(chunk);
    const answer = await putStream('huge', body, hash.digest('hex'));
    expect(await answer.json()).toMatchObject({ bytes: chunks << 20 });
    expect(process.memoryUsage().rss - before).toBeLessThan(128 << 20);
  });
});

describe('an upload is refused', () => {
  test('without the token of an agent, before its body is read', async () => {
    expect(await put('a', 'one', { token: 'wrong' })).toEqual(refused(401, 'unauthorized'));
    expect(await staged()).toEqual([]);
  });

  test('for an attempt that is not its agent’s now', async () => {
    const stale = refused(409, 'stale_attempt');
    expect(await put('a', 'one', { fence: 4 })).toEqual(stale);
    expect(await put('a', 'one', { attempt: 1 })).toEqual(stale);
    expect(await put('a', 'one', { jobId: randomUUID() })).toEqual(stale);
    await made.db`UPDATE jobs SET agent_id = ${randomUUID()} WHERE job_id = ${attempt.jobId}`;
    expect(await put('a', 'one')).toEqual(stale);
    await made.db`UPDATE jobs SET agent_id = ${agentId}, status = 'failed' WHERE job_id = ${attempt.jobId}`;
    expect(await put('a', 'one')).toEqual(stale);
    expect(await staged()).toEqual([]);
  });

  test('when the attempt is taken away while the body comes', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(Buffer.from('on'));
        await promise;
        controller.enqueue(Buffer.from('e'));
        controller.close();
      },
    });
    const answer = putStream('a', body, sha256('one'));
    await until('a part is there', async () => (await parts()).length === 1);
    await made.db`UPDATE jobs SET fence = 6 WHERE job_id = ${attempt.jobId}`;
    resolve();
    expect((await answer).status).toBe(409);
    expect(await staged()).toEqual([]);
    expect(await artifactsOfRun(made.db, attempt.runId)).toEqual([]);
  });

  test('with a digest that is missing, no digest, or of other bytes', async () => {
    expect(await put('a', 'one', { digest: undefined })).toEqual(refused(422, 'digest_missing'));
    expect(await put('a', 'one', { digest: 'abc' })).toEqual(refused(422, 'digest_missing'));
    expect(await put('a', 'one', { digest: sha256('two') })).toEqual(refused(422, 'digest_mismatch'));
    expect((await put('a', 'one', { digest: sha256('one').toUpperCase() })).status).toBe(200);
    expect(await put('a', 'two')).toEqual(refused(409, 'staged_differently'));
    expect(String(await bytesOf('a'))).toBe('one');
    expect(await staged()).toHaveLength(1);
  });

  test.each([
    '..%2Fa',
    'a%2F..%2F..%2Fb',
    '%2Fetc%2Fpasswd',
    'a//b',
    'a/',
    '%2e%2e/%2e%2e/x',
    'a%5Cb',
    'a%00b',
    'a%0Ab',
    './a',
  ])('for the path %s', async (path) => {
    const answer = await raw(`PUT /agents/artifacts/${attempt.jobId}/2/5/${path} HTTP/1.1`, 'one');
    expect(answer).toMatch(/^HTTP\/1\.1 422 .*"code":"unsafe_path"/s);
    expect(await staged()).toEqual([]);
  });

  test('for a path that is too long, a folder of another one or below it', async () => {
    expect(await put(`${'a'.repeat(200)}/`.repeat(6), '')).toEqual(refused(422, 'unsafe_path'));
    expect(await put('a'.repeat(256), '')).toEqual(refused(422, 'unsafe_path'));
    expect((await put('out/a', 'one')).status).toBe(200);
    expect(await put('out', 'one')).toEqual(refused(422, 'path_conflict'));
    expect(await put('out/a/b', 'one')).toEqual(refused(422, 'path_conflict'));
    expect((await artifactsOfRun(made.db, attempt.runId)).map(({ path }) => path)).toEqual(['out/a']);
  });

  test('with garbage where the numbers belong', async () => {
    expect((await put('a', '', { jobId: 'x' })).status).toBe(400);
    expect((await put('a', '', { attempt: '99999999999' })).status).toBe(400);
    expect((await put('a', '', { fence: '1e99' })).status).toBe(400);
    expect((await put('a', '', { fence: '99999999999999999999' })).status).toBe(400);
  });
});

describe('a body that is cut half-way leaves nothing', () => {
  const head = () =>
    [
      `PUT /agents/artifacts/${attempt.jobId}/2/5/a HTTP/1.1`,
      'Host: kiln',
      `Authorization: Bearer ${token}`,
      `x-kiln-sha256: ${sha256('one')}`,
    ].join('\r\n');

  test.each([
    ['with a length', 'Content-Length: 1000\r\n\r\nhalf'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ])('when the agent dies (%s)', async (_how, body) => {
    const socket = connect(port, '127.0.0.1');
    socket.write(`${head()}\r\n${body}`);
    await until('a part is there', async () => (await parts()).length === 1);
    socket.destroy();
    await until('nothing is left', async () => (await parts()).length === 0);
    expect(await staged()).toEqual([]);
    expect(await artifactsOfRun(made.db, attempt.runId)).toEqual([]);
  });

  test('when it says nothing more', async () => {
    await app.close();
    await serve({ silenceMs: 300 });
    const socket = connect(port, '127.0.0.1');
    socket.write(`${head()}\r\nContent-Length: 1000\r\n\r\nhalf`);
    socket.on('error', () => socket.destroy());
    await new Promise((done) => socket.once('close', done));
    await until('nothing is left', async () => (await parts()).length === 0);
    expect(await staged()).toEqual([]);
  });
});

describe('a place of blobs in trouble', () => {
  test('that is full is told as such', async () => {
    const full: BlobStore['put'] = async (_key, source) => {
      if (!(source instanceof Uint8Array)) for await (const _ of source);
      throw new BlobStoreFull('the folder /full', new Error('ENOSPC: no space left on device, write'));
    };
    vi.spyOn(farm.context.blobs, 'put').mockImplementation(full);
    expect(await put('a', 'one')).toEqual(refused(507, 'disk_full'));
    expect(await artifactsOfRun(made.db, attempt.runId)).toEqual([]);
  });

  test('is asked again after an upload whose record is in doubt: nothing is lost, what is left over is an orphan', async () => {
    await app.close();
    await serve({ db: losingAnAnswer(made.db) });
    expect((await put('a', 'one')).status).toBe(500);
    expect((await put('a', 'one')).status).toBe(200);
    expect(String(await bytesOf('a'))).toBe('one');
    expect(await staged()).toHaveLength(1);
  });
});

/** A database whose first transaction is committed, while the answer to that never comes. */
function losingAnAnswer(db: Database): Database {
  let lost = false;
  return new Proxy(db, {
    get(target, name, self) {
      if (name !== 'begin' || lost) return Reflect.get(target, name, self);
      lost = true;
      return async (work: (sql: Transaction) => Promise<unknown>) => {
        await target.begin(work);
        throw new Error('the connection ended with the commit');
      };
    },
  });
}

/** Sends a request as it is, since `fetch` would tidy its path. Gives the whole answer. */
async function raw(line: string, body: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const lines = [line, 'Host: kiln', `Authorization: Bearer ${token}`, `x-kiln-sha256: ${sha256(body)}`];
  socket.write(`${lines.join('\r\n')}\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`);
  let answer = '';
  for await (const chunk of socket) answer += chunk;
  return answer;
}

import { execFile } from 'node:child_process';
import { get } from 'node:http';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import type { RunDetail } from '@kiln/protocol/api.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../../testing.ts';
import { seedLine, seedLog } from './testing-logs.ts';

let p: TestPlatform;
let jobId: string;
let runId: string;
const LINES = 150_000;
const lines = Array.from({ length: LINES }, (_, n) => seedLine(`line ${n + 1}`, { level: n % 1000 === 0 ? 2 : 1 }));
const whole = lines.map(({ text }) => `${text}\n`).join('');

beforeAll(async () => {
  p = await testPlatform();
  ({ jobId, runId } = await seedLog(p.db, lines, 2500));
}, 60_000);
afterAll(async () => await p.stop());

/** An answer as it came, not decoded. */
const raw = async (path: string, headers: Record<string, string>) => {
  const { promise, resolve, reject } = Promise.withResolvers<{ encoding: string | undefined; body: Buffer }>();
  get(p.url + path, { headers: { authorization: `Bearer ${p.adminToken}`, ...headers } }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () => resolve({ encoding: response.headers['content-encoding'], body: Buffer.concat(chunks) }));
  }).on('error', reject);
  return await promise;
};

describe('a download', () => {
  it.each(['log.txt', 'log.jsonl', 'log.txt?level=WARN'])('of %s is smaller by gzip, and the same', async (name) => {
    const plain = await raw(`/api/jobs/${jobId}/${name}`, { 'accept-encoding': 'identity' });
    expect(plain.encoding).toBeUndefined();
    const packed = await raw(`/api/jobs/${jobId}/${name}`, { 'accept-encoding': 'gzip, deflate' });
    expect(packed.encoding).toBe('gzip');
    expect(packed.body.length * 2).toBeLessThan(plain.body.length);
    expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
  });

  it('of all of it is what zstd reads as it is stored; with a filter it is not', async () => {
    const stored = await raw(`/api/jobs/${jobId}/log.txt`, { 'accept-encoding': 'gzip, zstd' });
    expect(stored.encoding).toBe('zstd');
    const child = promisify(execFile)('zstd', ['-dc'], { maxBuffer: 1e8 });
    child.child.stdin?.end(stored.body);
    expect((await child).stdout).toBe(whole);
    const filtered = await raw(`/api/jobs/${jobId}/log.txt?level=WARN`, { 'accept-encoding': 'gzip, zstd' });
    expect(gunzipSync(filtered.body).toString().trimEnd().split('\n')).toHaveLength(LINES / 1000);
  });

  it('is described by HEAD without a body', async () => {
    const response = await p.ask(`/api/jobs/${jobId}/log.txt`, { method: 'HEAD' });
    expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
      200,
      'text/plain; charset=utf-8',
      '',
    ]);
    expect(response.headers.get('content-disposition')).toContain(`${jobId}-1.txt`);
    expect((await p.ask(`/api/jobs/${jobId}/log.txt?attempt=2`, { method: 'HEAD' })).status).toBe(404);
  });

  it('ends when its reader goes away', async () => {
    const { logs } = p.context;
    let open = 0;
    const read = logs.framesFromLine.bind(logs);
    logs.framesFromLine = async function* (...args) {
      open += 1;
      try {
        yield* read(...args);
      } finally {
        open -= 1;
      }
    };
    for (const encoding of ['identity', 'gzip']) {
      const headers = { authorization: `Bearer ${p.adminToken}`, 'accept-encoding': encoding };
      await new Promise<void>((done) => {
        const request = get(`${p.url}/api/jobs/${jobId}/log.jsonl`, { headers }, (response) => {
          response.once('data', () => request.destroy());
          response.on('error', () => done());
        });
      });
      await expect.poll(() => open).toBe(0);
    }
    logs.framesFromLine = read;
  });
});

describe('a log by its file reference', () => {
  const ask = async (file: string, task = jobId) =>
    await p.ask(`/api/build-logs/proxy?task_id=${encodeURIComponent(task)}&file=${file}`);

  it('is the whole text; the API tells the reference', async () => {
    const run: RunDetail = await p.json(`/api/runs/${runId}`);
    const { logFile } = run.jobList[0]?.attempts[0] ?? {};
    expect(logFile).toBe('1.log');
    for (const file of ['1.log', '1.txt']) {
      const response = await ask(file);
      expect([response.status, await response.text()]).toEqual([200, whole]);
    }
    const json = await (await ask('1.jsonl')).text();
    expect(json.trimEnd().split('\n')).toHaveLength(LINES);
  });

  it.each([
    '../../etc/passwd',
    '..%2f..%2fetc%2fpasswd',
    '%2e%2e%2f%2e%2e%2fetc%2fpasswd',
    '..%252f..%252fetc%252fpasswd',
    '%2fetc%2fpasswd',
    '..%5c..%5cwindows',
    '1.log%00.txt',
    '1.log%2f..%2f2.log',
    './1.log',
    '1.log%0a',
    '2.log',
    '0.log',
    '01.log',
    '9999999999.log',
    'log',
    '%ff',
    '',
  ])('is refused for file=%s', async (file) => {
    const response = await ask(file);
    expect([400, 404]).toContain(response.status);
    expect(await response.text()).toContain('"error"');
  });

  it.each(['', 'x', '../x', `${'0'.repeat(8)}-0000-0000-0000-000000000000`])('is refused for task %s', async (task) => {
    expect([400, 404]).toContain((await ask('1.log', task)).status);
  });

  it('needs a credential', async () => {
    const path = `/api/build-logs/proxy?task_id=${jobId}&file=1.log`;
    expect((await fetch(p.url + path)).status).toBe(401);
  });
});

it('a log whose time is over says so everywhere', async () => {
  const { jobId: old } = await seedLog(p.db, [seedLine('one')]);
  await p.db`UPDATE attempts SET log_state = 'expired', finished_at = now() WHERE job_id = ${old}`;
  for (const path of ['log', 'log.txt', 'log.jsonl', 'log/outline', 'log/search?q=x']) {
    const response = await p.ask(`/api/jobs/${old}/${path}`);
    expect([path, response.status]).toEqual([path, 410]);
    expect(await response.json()).toMatchObject({ error: { code: 'log_expired' } });
  }
});

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { JobAnswer, LogLine } from '@kiln/protocol/api.ts';
import { LogPageAnswer } from '@kiln/protocol/log-api.ts';
import {
  claim,
  finish,
  seedAgent,
  seedFrames,
  seedRun,
  testFrame,
  testRecipe,
} from '@kiln/store/reads/testing-seed.ts';
import type { ClaimedJob } from '@kiln/store/runs/claim.ts';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../../testing.ts';
import { accepts } from './encodings.ts';

let p: TestPlatform;
let job: ClaimedJob;
const FRAMES = 40;
const PER_FRAME = 250;
const LINES = FRAMES * PER_FRAME;
const line = (number: number) => `line ${number} ${'x'.repeat(number % 50)} é`;

beforeAll(async () => {
  p = await testPlatform();
  const agentId = await seedAgent(p.db, 'one');
  await seedRun(p.db, testRecipe('libfoo'), '1.0');
  const [claimed] = await claim(p.db, agentId, 'one');
  if (!claimed) throw new Error('no job was claimed');
  job = claimed;
  const frames = Array.from({ length: FRAMES }, (_, index) => {
    const first = index * PER_FRAME + 1;
    const lines = Array.from({ length: PER_FRAME }, (_line, offset) => line(first + offset));
    return testFrame(job, index + 1, first, lines);
  });
  await seedFrames(p.db, frames);
});
afterAll(async () => await p.stop());

const page = async (query: string): Promise<LogPageAnswer> => {
  const body = await p.json<LogPageAnswer>(`/api/jobs/${job.jobId}/log?${query}`);
  expect([...Compile(LogPageAnswer).Errors(body)]).toEqual([]);
  return body;
};

describe('a page of a log', () => {
  it.each([
    ['', 1, 500],
    ['from=1&limit=3', 1, 3],
    ['from=251&limit=1', 251, 1],
    ['from=9990&limit=100', 9990, 11],
    ['from=-5', LINES - 4, 5],
    ['from=-99999999&limit=2', 1, 2],
    ['from=0&limit=1', 1, 1],
    [`from=${LINES + 1}`, 0, 0],
    ['from=9007199254740991', 0, 0],
  ])('?%s', async (query, first, count) => {
    const { lines, total, complete } = await page(query);
    expect([lines[0]?.line ?? 0, lines.length, total, complete]).toEqual([first, count, LINES, false]);
    if (count > 0) expect(lines.at(-1)).toMatchObject({ line: first + count - 1, text: line(first + count - 1) });
  });

  it('has time, level, component, phase and step with each line', async () => {
    expect((await page('limit=1')).lines[0]).toEqual({
      line: 1,
      time: '2026-05-07T14:32:11.000Z',
      level: 'INFO',
      component: 'output',
      phase: 0,
      step: 0,
      text: line(1),
    });
  });

  it.each(['attempt=2', 'attempt=2147483647'])('of an attempt that never was: ?%s', async (query) => {
    expect((await p.ask(`/api/jobs/${job.jobId}/log?${query}`)).status).toBe(404);
  });

  it.each(['attempt=0', 'attempt=99999999999', 'from=1e400', 'limit=5001', 'from=x'])('refuses ?%s', async (query) => {
    expect((await p.ask(`/api/jobs/${job.jobId}/log?${query}`)).status).toBe(400);
  });
});

describe('a whole log', () => {
  const whole = Array.from({ length: LINES }, (_, index) => `${line(index + 1)}\n`).join('');

  it('is sent as text', async () => {
    const response = await p.ask(`/api/jobs/${job.jobId}/log.txt`, { headers: { 'accept-encoding': 'identity' } });
    expect(response.headers.get('content-encoding')).toBeNull();
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe(whole);
  });

  it('is sent as it is stored to who reads zstd: curl reads the same', async () => {
    const url = `${p.url}/api/jobs/${job.jobId}/log.txt?attempt=1`;
    const header = `Authorization: Bearer ${p.adminToken}`;
    const { stdout } = await promisify(execFile)('curl', ['-sS', '--compressed', '-i', '-H', header, url], {
      maxBuffer: 1e8,
    });
    expect(stdout).toMatch(/^content-encoding: zstd\r$/m);
    expect(stdout.slice(stdout.indexOf('\r\n\r\n') + 4)).toBe(whole);
  });

  it('is sent as JSON lines', async () => {
    const response = await p.ask(`/api/jobs/${job.jobId}/log.jsonl`);
    const lines: LogLine[] = (await response.text())
      .trimEnd()
      .split('\n')
      .map((text) => JSON.parse(text));
    expect(lines).toHaveLength(LINES);
    expect(lines[777]).toMatchObject({ line: 778, text: line(778) });
  });

  it('is empty for a job that said nothing, and 404 for one that never began', async () => {
    const { runId } = await seedRun(p.db, testRecipe('quiet'), '1');
    const [row] = await p.db<{ jobId: string }[]>`SELECT job_id FROM jobs WHERE run_id = ${runId}`;
    expect((await p.ask(`/api/jobs/${row?.jobId}/log.txt`)).status).toBe(404);
    const agentId = await seedAgent(p.db, 'two');
    await claim(p.db, agentId, 'two');
    const response = await p.ask(`/api/jobs/${row?.jobId}/log.txt`, { headers: { 'accept-encoding': 'zstd' } });
    expect([response.status, await response.text()]).toEqual([200, '']);
  });

  it('says where stored bytes can not be read, and keeps the numbers right', async () => {
    const data = Buffer.from('not a frame');
    await p.db`UPDATE frames SET data = ${data} WHERE job_id = ${job.jobId} AND sequence = 2`;
    const { lines } = await page('from=500&limit=2');
    expect(lines.map(({ line: number, text }) => [number, text.slice(0, 8)])).toEqual([
      [500, '[frame 2'],
      [501, 'line 501'],
    ]);
    const text = await (await p.ask(`/api/jobs/${job.jobId}/log.txt`, { headers: { 'accept-encoding': '' } })).text();
    expect(text.split('\n')).toHaveLength(LINES + 1);
  });
});

it('shows a job with its attempts', async () => {
  await finish(p.db, job, null, FRAMES);
  const answer = await p.json<JobAnswer>(`/api/jobs/${job.jobId}`);
  expect(answer).toMatchObject({
    runId: job.runId,
    status: 'completed',
    waiting: '',
    attempts: [{ percent: 100, lines: LINES }],
  });
  expect((await page('limit=1')).complete).toBe(true);
});

it.each([
  [undefined, false],
  ['gzip, deflate, br, zstd', true],
  ['zstd;q=0, gzip', false],
  ['ZSTD;q=0.5', true],
  ['gzip', false],
])('reads accept-encoding %s', (header, expected) => {
  expect(accepts(header, 'zstd')).toBe(expected);
});

import { randomUUID } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { decodeFrame } from '@kiln/protocol/frame.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { issueCredential } from '../credentials.ts';
import type { Database } from '../database.ts';
import { framesAfter } from '../frames.ts';
import { claim, finish, seedRun, testJob, testRecipe } from '../reads/testing-seed.ts';
import { testDatabase } from '../testing.ts';
import { appendBuilderLogs, sweepBatches } from './append-logs.ts';
import type { MaskedEntry } from './posted-lines.ts';

let db: Database;
let drop: () => Promise<void>;
beforeAll(async () => {
  ({ db, drop } = await testDatabase());
});
afterAll(async () => await drop());

const TIME = Date.UTC(2024, 0, 15, 10, 31);
const entry = (text: string, more: Partial<MaskedEntry> = {}): MaskedEntry => ({
  time: TIME,
  level: 'INFO',
  component: 'ANSIBLE',
  context: '',
  lines: text.split('\n'),
  ...more,
});

/** An attempt that `builder-1` holds. */
async function held(logLimitBytes = 1e9) {
  const name = randomUUID().slice(0, 8);
  await seedRun(db, testRecipe(name, { jobs: [testJob('vm', { logLimitBytes })] }), '1');
  const [job] = await claim(db, randomUUID(), 'builder-1');
  if (!job) throw new Error('no job was claimed');
  return job;
}

async function linesOf(job: { jobId: string; attempt: number }) {
  const lines: { text: string; run: unknown[]; line: number }[] = [];
  for (const { data } of await framesAfter(db, job.jobId, job.attempt, 0, 1e9)) {
    const { header, compressed } = decodeFrame(data);
    expect(header.firstLine).toBe(lines.length + 1);
    const texts = zstdDecompressSync(compressed).toString().split('\n');
    for (const run of header.runs) {
      for (let n = 0; n < run[0]; n++)
        lines.push({ line: lines.length + 1, text: texts.shift() ?? '', run: run.slice(1) });
    }
  }
  return lines;
}

const post = async (jobId: string, entries: MaskedEntry[], batchId: string | null = null, builder = 'builder-1') =>
  await appendBuilderLogs(db, { jobId, builder, batchId, entries });

describe('a batch', () => {
  it('becomes lines of the log, as they were said', async () => {
    const job = await held();
    const entries = [
      entry('one\ntwo', { level: 'DEBUG', component: 'my own', context: 'Installing packages' }),
      entry('', { level: 'FATAL', time: TIME - 5000 }),
      entry('in a step', { context: 'MAKE' }),
    ];
    await db`UPDATE attempts SET phases = ${JSON.stringify([{ name: 'build', steps: [{ name: 'make' }] }])}::text::jsonb WHERE job_id = ${job.jobId}`;
    expect(await post(job.jobId, entries)).toMatchObject({ outcome: 'stored', accepted: 3, attempt: 1 });
    expect(await linesOf(job)).toEqual([
      { line: 1, text: 'one', run: [TIME, 0, 'my own', -1, -1, 'Installing packages'] },
      { line: 2, text: 'two', run: [TIME, 0, 'my own', -1, -1, 'Installing packages'] },
      { line: 3, text: '', run: [TIME - 5000, 4, 'ANSIBLE', -1, -1] },
      { line: 4, text: 'in a step', run: [TIME, 1, 'ANSIBLE', 0, 0] },
    ]);
    const [attempt] = await db`SELECT lines, last_sequence, log_bytes FROM attempts WHERE job_id = ${job.jobId}`;
    expect(attempt).toEqual({ lines: 4, lastSequence: 1, logBytes: 19 });
  });

  it('that comes twice is there once; a name of its own keeps a batch that says the same', async () => {
    const job = await held();
    expect(await post(job.jobId, [entry('a')])).toMatchObject({ outcome: 'stored', accepted: 1 });
    expect(await post(job.jobId, [entry('a')])).toMatchObject({ outcome: 'repeated', accepted: 1, frames: [] });
    expect(await post(job.jobId, [entry('a', { time: TIME + 1 })])).toMatchObject({ outcome: 'stored' });
    expect(await post(job.jobId, [entry('a')], 'b-2')).toMatchObject({ outcome: 'stored' });
    expect(await post(job.jobId, [entry('a')], 'b-2')).toMatchObject({ outcome: 'repeated' });
    expect(await post(job.jobId, [entry('else')], 'b-2')).toMatchObject({ outcome: 'batch_reused' });
    expect(await linesOf(job)).toHaveLength(3);
    await finish(db, job);
    expect(await post(job.jobId, [entry('a')], 'b-2')).toMatchObject({ outcome: 'repeated', accepted: 1 });
    expect(await post(job.jobId, [entry('late')])).toEqual({ outcome: 'finished', status: 'completed' });
    await db`UPDATE builder_batches SET posted_at = now() - interval '8 days' WHERE job_id = ${job.jobId} AND batch LIKE 'sha256:%'`;
    expect(await sweepBatches(db)).toBe(2);
  });

  it('is one of many at once: no line is lost, repeated or torn', async () => {
    const job = await held();
    const batches = Array.from({ length: 40 }, (_, n) =>
      Array.from({ length: 50 }, (_, k) => entry(`batch ${n} line ${k}`)),
    );
    await Promise.all([...batches, ...batches.slice(0, 20)].map(async (entries) => await post(job.jobId, entries)));
    const lines = await linesOf(job);
    expect(lines).toHaveLength(2000);
    const seen = Map.groupBy(lines, ({ text }) => text.split(' line')[0]);
    expect(seen.size).toBe(40);
    for (const of of seen.values())
      expect(of.map(({ text }) => Number(text.split('line ')[1]))).toEqual(Array.from({ length: 50 }, (_, k) => k));
  });

  it('of megabytes is cut into frames, and long lines into pieces', async () => {
    const job = await held();
    const long = 'x'.repeat(150_000);
    const entries = Array.from({ length: 2000 }, (_, n) => entry(`${n} ${'y'.repeat(500)}`, { time: TIME + n }));
    expect(await post(job.jobId, [entry(long), ...entries])).toMatchObject({ outcome: 'stored', accepted: 2001 });
    const lines = await linesOf(job);
    expect(lines).toHaveLength(2003);
    expect(lines[0]?.text).toMatch(/^x{65536} ⏎$/);
    expect((await framesAfter(db, job.jobId, 1, 0, 1e9)).length).toBeGreaterThan(3);
  });

  it('over the limit of the job is cut, and says so once', async () => {
    const job = await held(100);
    await post(job.jobId, [entry('a'.repeat(60)), entry('b'.repeat(60)), entry('c')]);
    expect(await post(job.jobId, [entry('d')])).toMatchObject({ outcome: 'stored', accepted: 1, frames: [] });
    expect((await linesOf(job)).map(({ text }) => text)).toEqual([
      'a'.repeat(60),
      '✂ the log reached its limit of 100 bytes; what follows is not kept',
    ]);
  });
});

describe('a task', () => {
  it('that is not there, not begun, not its own or an agent’s is refused', async () => {
    expect(await post(randomUUID(), [entry('a')])).toEqual({ outcome: 'unknown' });
    await seedRun(db, testRecipe(`q${randomUUID().slice(0, 8)}`, { jobs: [testJob('x', { labels: ['none'] })] }), '1');
    const [queued] = await db<{ jobId: string }[]>`SELECT job_id FROM jobs WHERE status = 'queued' LIMIT 1`;
    expect(await post(queued?.jobId ?? '', [entry('a')])).toEqual({ outcome: 'not_held' });
    const job = await held();
    expect(await post(job.jobId, [entry('a')], null, 'builder-2')).toEqual({ outcome: 'not_held' });
    const [attempt] = await db<{ agentId: string }[]>`SELECT agent_id FROM attempts WHERE job_id = ${job.jobId}`;
    await issueCredential(db, { kind: 'agent', subject: attempt?.agentId ?? '' });
    expect(await post(job.jobId, [entry('a')])).toEqual({ outcome: 'not_held' });
  });
});

import type { Failure } from '@kiln/protocol/agent-messages.ts';
import { createLogger } from '@kiln/service/log.ts';
import type { NewFrame } from '@kiln/store/frames.ts';
import { framesAfter } from '@kiln/store/frames.ts';
import { type ClaimedJob, claimJobs } from '@kiln/store/runs/claim.ts';
import { testAgent, testRecipe, testRun } from '@kiln/store/test-run.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { until } from '../../../../tests/support/until.ts';
import type { Batch } from './batch.ts';
import { BatchCommitter } from './batch-committer.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let committer: BatchCommitter;
let jobs: ClaimedJob[];
let refused: { piece: Batch; error: Error }[];
let logged: Record<string, unknown>[];

beforeEach(async () => {
  made = await testDatabase();
  for (const name of ['good', 'bad']) await testRun(made.db, testRecipe(name));
  const agent = await testAgent(made.db);
  jobs = await made.db.begin(async (sql) => await claimJobs(sql, agent, 2));
  refused = [];
  logged = [];
  const destination = { write: (line: string) => void logged.push(JSON.parse(line)) };
  const log = createLogger({ level: 'info', format: 'json', service: 'orchestrator', instance: 'test', destination });
  committer = new BatchCommitter(made.db, log, {
    candidates: () => [],
    author: () => ({ service: 'orchestrator', instance: 'test', recipes: [] }),
    committed: () => {},
    refused: (piece, error) => void refused.push({ piece, error }),
  });
});
afterEach(async () => {
  await committer.stop();
  await made.drop();
});

function job(name: 'good' | 'bad'): ClaimedJob {
  const found = jobs.find((one) => one.recipe === name);
  if (!found) throw new Error(`there is no job of ${name}`);
  return found;
}

function frame(name: 'good' | 'bad', sequence: number, more: Partial<NewFrame> = {}): NewFrame {
  const { jobId, attempt, fence } = job(name);
  const numbers = { firstLine: sequence, lines: 1, bytes: 2, firstTime: 1e12, lastTime: 1e12 };
  return { jobId, attempt, fence, sequence, ...numbers, data: Buffer.from('data'), ...more };
}

const failure: Failure = {
  class: 'Command Failed',
  message: 'no',
  phase: null,
  step: null,
  line: null,
  lineText: null,
  exitCode: null,
  signal: null,
};
const phase = (more: object) => ({
  name: 'p',
  weight: 1,
  state: 'running' as const,
  startedAt: 1,
  finishedAt: null,
  steps: [],
  ...more,
});
function nested(depth: number): unknown {
  let value: unknown = [];
  for (let n = 0; n < depth; n++) value = [value];
  return value;
}

const sequences = async (name: 'good' | 'bad') =>
  (await framesAfter(made.db, job(name).jobId, 1, 0)).map((stored) => stored.sequence);

test.each<[string, Partial<NewFrame>]>([
  ['more lines than a column holds', { lines: 2 ** 31 }],
  ['a line number beyond the column', { firstLine: 1e300 }],
  ['a time that is none', { lastTime: Number.NaN }],
  ['a time beyond all dates', { firstTime: 1e300 }],
  ['a sequence beyond the column', { sequence: 2 ** 31 }],
])('a frame with %s is refused alone; what its job said after it is not kept', async (_what, more) => {
  committer.frame(frame('bad', 1));
  committer.frame(frame('good', 1));
  committer.frame(frame('bad', 2, more));
  for (let n = 3; n < 60; n++) committer.frame(frame('bad', n));
  committer.frame(frame('good', 2));
  committer.start();
  await until('the other frames are stored', async () => (await sequences('good')).length === 2);
  await until('it is refused', () => refused.length > 0);
  expect(await sequences('bad')).toEqual([1]);
  expect(refused.map(({ piece }) => piece.frames[0]?.jobId)).toEqual([job('bad').jobId]);
  committer.frame(frame('good', 3));
  await until('the loop goes on', async () => (await sequences('good')).length === 3);
});

test.each<[string, object]>([
  ['a NUL in a text', { text: 'a\0b' }],
  ['half a character', { text: '\ud800' }],
  ['a NUL in the name of a phase', { phases: [phase({ name: '\0' })] }],
  ['nesting too deep to write', { phases: [phase({ extra: nested(20_000) })] }],
  ['nesting too deep to read', { phases: [phase({ extra: nested(6500) })] }],
])('a progress with %s is refused alone', async (_what, more) => {
  const { jobId, attempt, fence } = job('bad');
  const progress = { percent: 1, text: '', phases: [], ...more };
  committer.report({ jobId, attempt, fence, progress, building: true });
  committer.frame(frame('good', 1));
  committer.start();
  await until('it is refused', () => refused.length > 0);
  expect(await sequences('good')).toEqual([1]);
  expect(refused.map(({ piece }) => piece.reports[0]?.jobId)).toEqual([jobId]);
  expect(logged.filter((line) => line.level === 'error')).toEqual([]);
});

test('a last word that is refused ends neither the loop nor the others', async () => {
  const { jobId, attempt, fence } = job('bad');
  const last = { outcome: 'failed' as const, progress: null, lastSequence: 0, requeueBelow: 0 };
  committer.finish({ jobId, attempt, fence, ...last, failure: { ...failure, message: '\0' } });
  const good = job('good');
  committer.finish({ jobId: good.jobId, attempt: good.attempt, fence: good.fence, ...last, failure });
  committer.start();
  await until('it is refused', () => refused.length > 0);
  const statuses = async () => await made.db`SELECT r.recipe, r.status FROM runs r ORDER BY r.recipe`;
  await until('the other one is ended', async () => (await statuses())[1]?.status === 'failed');
  expect((await statuses())[0]).toEqual({ recipe: 'bad', status: 'building' });
  committer.finish({ jobId, attempt, fence, ...last, failure });
  await until('the attempt can be ended', async () => (await statuses())[0]?.status === 'failed');
});

test('while the database can not be written to, everything is kept and tried again', async () => {
  await made.db`ALTER TABLE frames RENAME TO elsewhere`;
  committer.frame(frame('good', 1));
  committer.frame(frame('bad', 1));
  committer.start();
  await until('it is told', () => logged.some((line) => line.msg === 'turn failed'));
  expect(committer.trouble).toContain('frames');
  await made.db`ALTER TABLE elsewhere RENAME TO frames`;
  await until('all is stored', async () => (await sequences('bad')).length === 1);
  expect([await sequences('good'), refused]).toEqual([[1], []]);
  await until('the trouble is over', () => committer.trouble === null);
});

test('a job that can not be given out does not make the loop spin', async () => {
  await made.db`
    UPDATE jobs SET status = 'queued', spec = jsonb_set(spec, '{timeoutMs}', '1e300') WHERE job_id = ${job('bad').jobId}`;
  let asked = 0;
  await committer.stop();
  committer = new BatchCommitter(
    made.db,
    createLogger({
      level: 'error',
      format: 'json',
      service: 'o',
      instance: 't',
      destination: { write: (line) => void logged.push(JSON.parse(line)) },
    }),
    {
      candidates: () => {
        asked++;
        return [{ agentId: jobs[0]?.jobId ?? '', name: 'x', labels: [], held: new Set(), slots: 1 }];
      },
      author: () => ({ service: 'orchestrator', instance: 'test', recipes: [] }),
      committed: () => {},
      refused: (piece, error) => void refused.push({ piece, error }),
    },
  );
  committer.wake();
  committer.start();
  await until('it is told', () => logged.some((line) => line.msg === 'jobs can not be given out'));
  // What comes afterwards is committed without asking for that job again.
  for (const sequence of [1, 2]) {
    committer.frame(frame('good', sequence));
    await until('the loop goes on', async () => (await sequences('good')).length === sequence);
  }
  expect(asked).toBe(2);
});

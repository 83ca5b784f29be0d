import { randomBytes } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import { encodeFrame } from '@kiln/protocol/frame.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { framesAfter, type NewFrame, storeFrames } from './frames.ts';
import { type ClaimedJob, claimJobs } from './runs/claim.ts';
import { testAgent, testRecipe, testRun } from './test-run.ts';
import { testDatabase } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let job: ClaimedJob;
beforeEach(async () => {
  made = await testDatabase();
  await testRun(made.db, testRecipe('loud'));
  const agent = await testAgent(made.db);
  const [claimed] = await made.db.begin(async (sql) => await claimJobs(sql, agent, 1));
  if (!claimed) throw new Error('a job was expected');
  job = claimed;
});
afterEach(async () => await made.drop());

function frame(sequence: number, { lines = 10, padding = 0 } = {}): NewFrame {
  const firstLine = (sequence - 1) * lines + 1;
  const text = Array.from({ length: lines }, (_, i) => `line ${firstLine + i}\n`).join('');
  const header = {
    v: 1 as const,
    job: job.jobId,
    attempt: job.attempt,
    sequence,
    firstLine,
    lines,
    bytes: text.length,
    runs: [[lines, 1_700_000_000_123, 1, 'output', 0, 0] as [number, number, number, string, number, number]],
  };
  return {
    jobId: job.jobId,
    attempt: job.attempt,
    fence: job.fence,
    sequence,
    firstLine,
    lines,
    bytes: text.length,
    firstTime: 1_700_000_000_123,
    lastTime: 1_700_000_000_123,
    data: Buffer.concat([encodeFrame(header, zstdCompressSync(text)), randomBytes(padding)]),
  };
}
const insert = async (frames: NewFrame[]) => await made.db.begin(async (sql) => await storeFrames(sql, frames));

test.each([
  ['small', 0],
  ['loud', 100_000],
])('%s frames are stored once, byte for byte, however often they are sent', async (_name, padding) => {
  const frames = [1, 2, 3, 4, 5].map((n) => frame(n, { padding }));
  expect(await insert(frames.slice(0, 3))).toEqual([{ jobId: job.jobId, attempt: 1, lastSequence: 3 }]);
  expect(await insert(frames.slice(1, 5))).toEqual([{ jobId: job.jobId, attempt: 1, lastSequence: 5 }]);
  expect(await insert(frames)).toEqual([{ jobId: job.jobId, attempt: 1, lastSequence: 5 }]);
  const stored = await framesAfter(made.db, job.jobId, 1, 0);
  expect(stored.map((f) => Buffer.from(f.data))).toEqual(frames.map((f) => Buffer.from(f.data)));
  const [times] = await made.db`SELECT DISTINCT first_time, last_time FROM frames`;
  expect(times).toEqual({ firstTime: new Date(1_700_000_000_123), lastTime: new Date(1_700_000_000_123) });
  expect((await made.db`SELECT lines, last_sequence FROM attempts`)[0]).toEqual({ lines: 50, lastSequence: 5 });
});

test.each([
  ['small', 0],
  ['loud', 200_000],
])('a %s frame under a stale fence is not stored and not acknowledged', async (_name, padding) => {
  expect(await insert([{ ...frame(1, { padding }), fence: job.fence - 1 }])).toEqual([]);
  expect(await framesAfter(made.db, job.jobId, 1, 0)).toEqual([]);
});

describe('loud frames that the database does not take', () => {
  const loud = (sequence: number, more: Partial<NewFrame> = {}) => ({
    ...frame(sequence, { padding: 200_000 }),
    ...more,
  });

  test.each<[string, Partial<NewFrame>]>([
    ['too many lines', { lines: 2 ** 31 }],
    ['a time that is none', { firstTime: Number.NaN }],
    ['a time beyond all dates', { lastTime: 1e17 }],
    ['a job that is none', { jobId: 'not a job' }],
  ])('%s: the error is told, and the connection is as good as before', async (_what, more) => {
    await expect(insert([loud(1), loud(2, more), loud(3)])).rejects.toThrow();
    expect(await framesAfter(made.db, job.jobId, 1, 0)).toEqual([]);
    expect(await insert([loud(1)])).toEqual([{ jobId: job.jobId, attempt: 1, lastSequence: 1 }]);
  });

  test('a refusal that comes after all was sent is told with its code', async () => {
    await made.db`ALTER TABLE frames ADD CONSTRAINT few CHECK (lines < 20)`;
    const frames = Array.from({ length: 8 }, (_, n) => loud(n + 1, n === 3 ? { lines: 30 } : {}));
    await expect(insert(frames)).rejects.toMatchObject({ code: '23514' });
    expect(await insert([loud(1)])).toEqual([{ jobId: job.jobId, attempt: 1, lastSequence: 1 }]);
  });

  test('a connection that is lost while the database writes is told', async () => {
    await made.db`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(60); RETURN NEW; END'`;
    await made.db`CREATE TRIGGER slow BEFORE INSERT ON frames FOR EACH ROW EXECUTE FUNCTION slow()`;
    const storing = insert([loud(1)]);
    const told = expect(storing).rejects.toThrow();
    await expect
      .poll(
        async () =>
          (
            await made.db`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%COPY frames%' AND wait_event = 'PgSleep'`
          ).length,
        { timeout: 20_000 },
      )
      .toBe(1);
    await told;
    await made.db`DROP TRIGGER slow ON frames`;
    expect(await insert([loud(1)])).toEqual([{ jobId: job.jobId, attempt: 1, lastSequence: 1 }]);
  });
});

test('a page of frames stops at its bytes, but has at least one', async () => {
  await insert([1, 2, 3].map((n) => frame(n)));
  expect(await framesAfter(made.db, job.jobId, 1, 1, 1)).toHaveLength(1);
});

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@kiln/service/log.ts';
import type { BlobStore } from '@kiln/store/blobs/blob-store.ts';
import { FolderBlobs } from '@kiln/store/blobs/folder.ts';
import { openDatabase } from '@kiln/store/database.ts';
import { frameLines } from '@kiln/store/logs/log-lines.ts';
import { LogStore } from '@kiln/store/logs/log-store.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { archiveNext } from './archive.ts';
import { sealNext } from './seal.ts';
import { age, blobKeys, readAll, type TestLog, testFigures, testLog } from './testing-logs.ts';
import type { RetentionContext } from './work.ts';

const DAY_MS = 86_400_000;
const { signal } = new AbortController();

let made: Awaited<ReturnType<typeof testDatabase>>;
let folder: string;
let logs: LogStore;
let context: RetentionContext;
let said: { level: string; msg: string }[];
beforeEach(async () => {
  made = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'kiln-retain-'));
  said = [];
  const destination = { write: (line: string) => void said.push(JSON.parse(line)) };
  const log = createLogger({ level: 'info', format: 'json', service: 'orchestrator', instance: 'test', destination });
  context = { db: made.db, blobs: new FolderBlobs(join(folder, 'blobs')), log, instance: 'test' };
  logs = new LogStore(context);
});
afterEach(async () => {
  await made.drop();
  await rm(folder, { recursive: true });
});

const seal = async (more: Partial<RetentionContext> = {}) =>
  await sealNext({ ...context, ...more }, testFigures(made.db), signal);
const archive = async () => await archiveNext(context, testFigures(made.db), 30 * DAY_MS, signal);

test('a log with a frame that nobody can read stays as it is, is told once, and holds up no other', async () => {
  const broken = await testLog(made.db, {
    frames: 3,
    damage: (frame) => {
      if (frame.sequence === 2) frame.data = Buffer.from('garbage that is no frame');
    },
  });
  const good = await testLog(made.db);
  expect([await seal(), await seal(), await seal()]).toEqual(['refused', 'done', null]);
  expect(await readAll(logs, good)).toEqual(good.lines);
  expect(said.map(({ level, msg }) => [level, msg])).toEqual([
    ['error', 'a log can not be moved and stays where it is'],
  ]);
  const lines = await readAll(logs, broken);
  expect(lines.map(({ line }) => line)).toEqual(broken.lines.map(({ line }) => line));
  expect(lines.slice(100)).toEqual(broken.lines.slice(100));
  const standing = await logs.standing(broken.jobId, 1);
  expect(standing?.kept).toBe('live');
  if (standing) expect((await logs.outline(broken.jobId, standing)).lines).toBe(150);
});

test('a frame whose text has other lines than its header says keeps the numbers of those after it', async () => {
  const log = await testLog(made.db, { frames: 3, lines: 2 });
  const [row] = await made.db<{ data: Uint8Array }[]>`SELECT data FROM frames WHERE sequence = 1`;
  const other = await testLog(made.db, { frames: 1, lines: 3 });
  const [longer] = await made.db<{ data: Uint8Array }[]>`SELECT data FROM frames WHERE job_id = ${other.jobId}`;
  if (!row || !longer) throw new Error('frames were expected');
  const headOf = (data: Uint8Array) => Buffer.from(data).readUInt32LE(4) + 8;
  const data = Buffer.concat([row.data.subarray(0, headOf(row.data)), longer.data.subarray(headOf(longer.data))]);
  await made.db`UPDATE frames SET data = ${data} WHERE job_id = ${log.jobId} AND sequence = 1`;
  const before = await readAll(logs, log);
  expect([await seal(), await seal()]).toEqual(['done', 'done']);
  expect((await logs.standing(log.jobId, 1))?.kept).toBe('sealed');
  expect(await readAll(logs, log)).toEqual(before);
});

test('a log without lines needs no blob', async () => {
  const log = await testLog(made.db, { frames: 0 });
  expect(await seal()).toBe('done');
  await age(made.db, log, 31);
  expect([await archive(), await archive()]).toEqual(['done', null]);
  expect(await logs.standing(log.jobId, 1)).toMatchObject({ kept: 'archived', lines: 0, blob: null });
  expect(await readAll(logs, log)).toEqual([]);
});

test('a log under way is left alone', async () => {
  await testLog(made.db, { ends: false });
  expect(await seal()).toBeNull();
});

test('two at once seal each log once, and never the same', async () => {
  const many: TestLog[] = [];
  for (let n = 0; n < 6; n++) many.push(await testLog(made.db, { frames: 4 }));
  const other = openDatabase(made.address, { name: 'other' });
  const all = async (db = made.db) => {
    let done = 0;
    while ((await seal({ db, instance: String(done) })) === 'done') done += 1;
    return done;
  };
  const counts = await Promise.all([all(), all(other), all()]);
  await other.end();
  expect(counts.reduce((sum, one) => sum + one, 0)).toBe(6);
  for (const log of many) expect(await readAll(logs, log)).toEqual(log.lines);
  expect(await made.db`SELECT 1 FROM frames`).toHaveLength(0);
  expect(await made.db`SELECT 1 FROM sealed_logs WHERE fence <> 1`).toHaveLength(0);
});

/** A store whose blobs others find changed. */
function disturbed(change: (bytes: Uint8Array) => Uint8Array): BlobStore {
  const { blobs } = context;
  return Object.assign(Object.create(blobs), {
    put: async (...[key, source]: Parameters<BlobStore['put']>) => {
      await blobs.put(key, source);
      const { bytes } = (await blobs.stat(key)) ?? { bytes: 0 };
      await blobs.put(key, change(await blobs.read(key, 0, bytes)));
      return { bytes };
    },
    read: blobs.read.bind(blobs),
    stream: blobs.stream.bind(blobs),
    stat: blobs.stat.bind(blobs),
    remove: blobs.remove.bind(blobs),
  });
}

test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
  ['cut short', (bytes) => bytes.subarray(0, -1)],
  ['changed in a byte', (bytes) => bytes.with(bytes.length >> 1, (bytes[bytes.length >> 1] ?? 0) ^ 1)],
  ['empty', () => new Uint8Array()],
])('frames stay where a blob turns out to be %s', async (_what, change) => {
  const log = await testLog(made.db);
  expect(await seal({ blobs: disturbed(change) })).toEqual({ failed: expect.any(String) });
  expect(await made.db`SELECT 1 FROM frames`).toHaveLength(20);
  expect(await readAll(logs, log)).toEqual(log.lines);
  // It has to wait a little, and no blob is left.
  expect(await seal()).toBeNull();
  expect(await blobKeys(context.blobs)).toEqual([]);
  await made.db`UPDATE sealed_logs SET next_try_at = now()`;
  expect(await seal()).toBe('done');
  expect(await readAll(logs, log)).toEqual(log.lines);
});

test('who lost the lease in the middle changes nothing and leaves nothing', async () => {
  const log = await testLog(made.db);
  const slow = disturbed((bytes) => bytes);
  const { put } = slow;
  slow.put = async (key, source) => {
    const written = await put(key, source);
    await made.db`UPDATE sealed_logs SET lease_expires_at = now() - interval '1 second'`;
    expect(await seal()).toBe('done');
    return written;
  };
  expect(await seal({ blobs: slow })).toBe('done');
  const [row] = await made.db`SELECT key, fence FROM sealed_logs`;
  expect(await blobKeys(context.blobs)).toEqual([row?.key]);
  expect(row?.key).toBe(`logs/${log.jobId}/1-2.klog.zst`);
  expect(await readAll(logs, log)).toEqual(log.lines);
});

test('a reader goes on with the next line when the log is sealed, archived and read again', async () => {
  const log = await testLog(made.db, { frames: 120, lines: 100 });
  const standing = await logs.standing(log.jobId, 1);
  if (!standing) throw new Error('there is no such log');
  // Small chunks, so that the reader has to come back for more.
  const seen: number[] = [];
  let next = 0;
  while (next < 12_000) {
    for (const frame of await logs.framesAfterLine(log.jobId, 1, next, 4_000)) {
      for (const { line } of await frameLines(frame)) seen.push(line);
      next = frame.firstLine + frame.lines - 1;
    }
    if (next === 700) expect(await seal()).toBe('done');
  }
  expect(seen).toEqual(log.lines.map(({ line }) => line));

  const other = await testLog(made.db, { frames: 300, lines: 100 });
  const now = await logs.standing(other.jobId, 1);
  if (!now) throw new Error('there is no such log');
  const streamed: number[] = [];
  for await (const frame of logs.framesFromLine(other.jobId, now, 1)) {
    for (const { line } of await frameLines(frame)) streamed.push(line);
    // The first 64 frames were fetched before the log moves.
    if (frame.sequence === 3 && streamed.length === 300) {
      expect(await seal()).toBe('done');
      await age(made.db, other, 31);
      expect(await archive()).toBe('done');
    }
  }
  expect(streamed).toEqual(other.lines.map(({ line }) => line));
});

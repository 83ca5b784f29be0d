import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createLogger } from '@kiln/service/log.ts';
import type { BlobStore } from '@kiln/store/blobs/blob-store.ts';
import { FolderBlobs } from '@kiln/store/blobs/folder.ts';
import { S3Blobs } from '@kiln/store/blobs/s3.ts';
import { startS3, type TestS3 } from '@kiln/store/blobs/testing-s3.ts';
import { LogExpired, LogStore } from '@kiln/store/logs/log-store.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { archiveNext } from './archive.ts';
import { expireOld } from './expire.ts';
import { sealNext } from './seal.ts';
import { age, readAll, type TestLog, testFigures, testLog } from './testing-logs.ts';
import type { RetentionContext } from './work.ts';

const DAY_MS = 86_400_000;
const signal = new AbortController().signal;

let made: Awaited<ReturnType<typeof testDatabase>>;
let folder: string;
let s3: TestS3;
beforeAll(async () => {
  made = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'kiln-retain-'));
  s3 = await startS3();
});
afterAll(async () => {
  await s3.stop();
  await made.drop();
  await rm(folder, { recursive: true });
});

function openStore(kind: string): BlobStore {
  return kind === 'folder'
    ? new FolderBlobs(join(folder, 'blobs'))
    : new S3Blobs(s3.access, { name: s3.bucket, prefix: '' });
}

describe.each(['folder', 's3'])('a log in a %s', (kind) => {
  let blobs: BlobStore;
  let logs: LogStore;
  let log: TestLog;
  let context: RetentionContext;
  beforeAll(async () => {
    blobs = openStore(kind);
    logs = new LogStore({ db: made.db, blobs });
    const logger = createLogger({ level: 'error', format: 'json', service: 'orchestrator', instance: 'test' });
    context = { db: made.db, blobs, log: logger, instance: 'test' };
    log = await testLog(made.db, { frames: 60, lines: 100 });
  });

  const standing = async () => {
    const now = await logs.standing(log.jobId, log.attempt);
    if (!now) throw new Error('the attempt is gone');
    return now;
  };
  const row = async () => (await made.db`SELECT * FROM sealed_logs WHERE job_id = ${log.jobId}`)[0];
  const frames = async () => (await made.db`SELECT 1 FROM frames WHERE job_id = ${log.jobId}`).length;

  /** Everything that a reader can ask, the same wherever the log is. */
  const readsAsEver = async () => {
    expect(await readAll(logs, log)).toEqual(log.lines);
    for (const [from, limit] of [
      [1, 3],
      [150, 500],
      [-10, 100],
      [5999, 5],
      [7000, 5],
    ] as const) {
      const page = await logs.page(log.jobId, await standing(), from, limit);
      const first = from < 0 ? log.lines.length + from : from - 1;
      expect(page).toMatchObject({ total: 6000, complete: true, lines: log.lines.slice(first, first + limit) });
    }
    const times = log.lines.map((line) => Date.parse(line.time));
    for (const line of [1, 2, 101, 4321, 6000]) {
      expect(await logs.lineOfTime(log.jobId, await standing(), times[line - 1] ?? 0)).toBe(line);
      expect(await logs.lineOfTime(log.jobId, await standing(), (times[line - 1] ?? 0) - 1)).toBe(line);
    }
    expect(await logs.lineOfTime(log.jobId, await standing(), (times.at(-1) ?? 0) + 1)).toBe(6001);
    const [cut] = await logs.framesAfterLine(log.jobId, log.attempt, 4242);
    expect(cut?.firstLine).toBe(4243);
    const outline = await logs.outline(log.jobId, await standing());
    expect(outline.lines).toBe(6000);
    expect(outline.levels.ERROR).toBe(Math.floor(6000 / 97));
    expect(outline.sections).toHaveLength(21);
    return outline;
  };

  test('is sealed, archived and removed, and reads the same until then', async () => {
    const live = await readsAsEver();
    expect((await standing()).kept).toBe('live');

    expect(await sealNext(context, testFigures(made.db), signal)).toBe('done');
    expect(await sealNext(context, testFigures(made.db), signal)).toBeNull();
    expect(await readsAsEver()).toEqual(live);
    expect([(await standing()).kept, await frames()]).toEqual(['sealed', 0]);
    const sealed = await row();
    expect(sealed).toMatchObject({
      lines: 6000,
      textBytes: Buffer.byteLength(log.text),
      key: expect.stringMatching(/^logs\//),
    });

    await age(made.db, log, 29);
    expect(await archiveNext(context, testFigures(made.db), 30 * DAY_MS, signal)).toBeNull();
    await age(made.db, log, 31);
    expect(await archiveNext(context, testFigures(made.db), 30 * DAY_MS, signal)).toBe('done');
    expect(await archiveNext(context, testFigures(made.db), 30 * DAY_MS, signal)).toBeNull();
    expect(await readsAsEver()).toEqual(live);
    expect((await standing()).kept).toBe('archived');
    const archived = await row();
    expect(archived).toMatchObject({ sha256: sealed?.sha256, key: expect.stringMatching(/^archive\//) });
    expect(await blobs.stat(sealed?.key)).toBeNull();
    const bytes = (await blobs.stat(archived?.key))?.bytes ?? 0;
    expect(bytes).toBeLessThan(sealed?.bytes);

    await age(made.db, log, 89);
    expect(await expireOld(context, testFigures(made.db), 90 * DAY_MS, signal)).toBe(0);
    await age(made.db, log, 91);
    const before = Date.now();
    expect(await expireOld(context, testFigures(made.db), 90 * DAY_MS, signal)).toBe(1);
    expect(await expireOld(context, testFigures(made.db), 90 * DAY_MS, signal)).toBe(0);
    expect(await blobs.stat(archived?.key)).toBeNull();
    const gone = await standing();
    expect(gone).toMatchObject({ kept: 'expired', lines: 6000, blob: null });
    expect(Number(gone.expiredAt)).toBeGreaterThanOrEqual(before);
    expect(Number(gone.expiredAt)).toBeLessThanOrEqual(Date.now());
    for (const read of [
      async () => await logs.page(log.jobId, gone, 1, 10),
      async () => await readAll(logs, log),
      async () => await logs.outline(log.jobId, gone),
      async () => await logs.framesAfterLine(log.jobId, log.attempt, 0),
      async () => await logs.lineOfTime(log.jobId, gone, 0),
    ]) {
      await expect(read()).rejects.toThrow(LogExpired);
    }
  });

  test('is a file of its own that zstd reads', async () => {
    log = await testLog(made.db, { frames: 10 });
    expect(await sealNext(context, testFigures(made.db), signal)).toBe('done');
    const { key, bytes } = (await row()) ?? {};
    const file = join(folder, 'sealed.zst');
    await writeFile(file, await blobs.read(key, 0, bytes));
    const { stdout } = await promisify(execFile)('zstd', ['-dc', file], { maxBuffer: 1e8 });
    expect(stdout).toBe(log.text);
  });
});

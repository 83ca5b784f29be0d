import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { loadConfig } from '@kiln/service/config.ts';
import { createLogger } from '@kiln/service/log.ts';
import { openBlobs } from '@kiln/store/blobs/open.ts';
import { startS3, type TestS3 } from '@kiln/store/blobs/testing-s3.ts';
import { LogExpired, LogStore } from '@kiln/store/logs/log-store.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { archiveNext } from './archive.ts';
import { expireOld } from './expire.ts';
import { LOG_BLOBS, sweepOrphans } from './orphans.ts';
import { sealNext } from './seal.ts';
import type { KeeperOrders } from './testing-keeper.ts';
import { age, blobKeys, readAll, type TestLog, testFigures, testLog } from './testing-logs.ts';
import type { RetentionContext } from './work.ts';

const DAY_MS = 86_400_000;
const ROUNDS = 8;
const { signal } = new AbortController();

let made: Awaited<ReturnType<typeof testDatabase>>;
let folder: string;
let s3: TestS3;
let settings: Record<string, string>;
let logs: LogStore;
let context: RetentionContext;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-keeper-'));
  s3 = await startS3();
});
afterAll(async () => {
  await s3.stop();
  await rm(folder, { recursive: true });
});

/** Begins with an empty database and this place of blobs. */
async function begin(place: Record<string, string>): Promise<void> {
  settings = place;
  made = await testDatabase();
  const blobs = await openBlobs(await loadConfig({ dataDir: folder, env: {}, overrides: settings }));
  logs = new LogStore({ db: made.db, blobs });
  const log = createLogger({ level: 'error', format: 'json', service: 'orchestrator', instance: 'test' });
  context = { db: made.db, blobs, log, instance: 'test' };
}

/** Keeps logs in a process of its own, like another orchestrator. */
async function keeper(work: KeeperOrders['work'], killAt: number | null): Promise<{ ended: unknown; steps: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing-keeper.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const orders: KeeperOrders = { address: made.address, settings, work, killAt };
  child.stdin.end(JSON.stringify(orders));
  const output = text(child.stdout);
  const ended = await new Promise((done) => child.once('exit', (code, killed) => done(killed ?? code)));
  return { ended, steps: Number(await output) };
}

/** As if the lease of a killed process had run out. */
const leasesEnd = async () => await made.db`UPDATE sealed_logs SET lease_expires_at = now() - interval '1 second'`;

const checksum = async (log: TestLog) =>
  (await made.db`SELECT sha256 FROM sealed_logs WHERE job_id = ${log.jobId} AND key IS NOT NULL`)[0]?.sha256;

const namedKeys = async () =>
  (await made.db<{ key: string }[]>`SELECT key FROM sealed_logs WHERE key IS NOT NULL`).map(({ key }) => key);

/** Where to kill, evenly over so many steps. */
const points = (steps: number) => Array.from({ length: ROUNDS }, (_, n) => 1 + Math.floor((n * steps) / ROUNDS));

test.each(['folder', 'bucket'])(
  'over a %s: a process killed at any step of sealing, archiving and removing loses nothing, and the next one ends its work',
  async (kind) => {
    await begin(kind === 'folder' ? { 'blobs.url': join(folder, 'blobs') } : s3.settings);
    const ready = {
      seal: async () => await testLog(made.db, { frames: 8 }),
      archive: async () => {
        const log = await testLog(made.db, { frames: 8 });
        await sealNext(context, testFigures(made.db), signal);
        await age(made.db, log, 31);
        return log;
      },
    };
    const finish = {
      seal: async () => await sealNext(context, testFigures(made.db), signal),
      archive: async () => await archiveNext(context, testFigures(made.db), 30 * DAY_MS, signal),
    };
    const kept: TestLog[] = [];
    for (const work of ['seal', 'archive'] as const) {
      await ready[work]();
      const whole = await keeper(work, null);
      expect(whole.ended).toBe(0);
      expect(whole.steps).toBeGreaterThan(8);
      for (const at of points(whole.steps)) {
        const log = await ready[work]();
        const before = await checksum(log);
        expect([at, (await keeper(work, at)).ended]).toEqual([at, 'SIGKILL']);
        expect(await readAll(logs, log), `${work} killed at step ${at}`).toEqual(log.lines);
        await leasesEnd();
        await finish[work]();
        expect(await readAll(logs, log), `${work} after step ${at}`).toEqual(log.lines);
        const standing = await logs.standing(log.jobId, log.attempt);
        expect(standing?.kept).toBe(work === 'seal' ? 'sealed' : 'archived');
        if (before) expect(await checksum(log)).toBe(before);
        kept.push(log);
      }
    }

    for (const log of kept) await age(made.db, log, 91);
    for (const at of [1, 3]) expect((await keeper('expire', at)).ended).toBe('SIGKILL');
    await expireOld(context, testFigures(made.db), 90 * DAY_MS, signal);
    for (const log of kept) await expect(readAll(logs, log)).rejects.toThrow(LogExpired);

    // What killed processes left behind is recognised, and nothing else is touched.
    await context.blobs.put('logs/other.txt', Buffer.from('not a log of ours'));
    expect(await sweepOrphans(context, LOG_BLOBS, signal)).toBe(0);
    const orphans = (await blobKeys(context.blobs)).length - 1 - (await namedKeys()).length;
    expect(orphans).toBeGreaterThan(0);
    expect(await sweepOrphans(context, LOG_BLOBS, signal, 0)).toBe(orphans);
    expect((await blobKeys(context.blobs)).sort()).toEqual([...(await namedKeys()), 'logs/other.txt'].sort());
    await made.drop();
  },
  120_000,
);

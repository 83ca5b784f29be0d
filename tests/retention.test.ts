import { once } from 'node:events';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { newStagedKey } from '@kiln/orchestrator/publish/staged.ts';
import { startRetention } from '@kiln/orchestrator/retain/retention.ts';
import { age, type TestLog, testLog } from '@kiln/orchestrator/retain/testing-logs.ts';
import { startTestPlatform, type TestPlatform } from '@kiln/platform/testing.ts';
import type { LogPage } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { startS3, type TestS3 } from '@kiln/store/blobs/testing-s3.ts';
import { readFrame } from '@kiln/store/logs/read-frame.ts';
import { afterEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type TestFarm, testFarm } from './support/farm-context.ts';
import { until } from './support/until.ts';

/** Logs from their end to their removal, as people see them over HTTP and the live socket. */
let farm: TestFarm;
let p: TestPlatform | undefined;
let s3: TestS3 | undefined;
afterEach(async () => {
  await p?.stop();
  await farm.drop();
  await s3?.stop();
  p = undefined;
  s3 = undefined;
});

const leads = { isLeader: () => true };

const kept = async ({ jobId }: TestLog) =>
  (await farm.db<{ logState: string }[]>`SELECT log_state FROM attempts WHERE job_id = ${jobId}`)[0]?.logState;

const becomes = async (log: TestLog, state: string) =>
  await until(`the log is ${state}`, async () => (await kept(log)) === state);

/** The numbers of the lines that a page gets over the live socket, and what it is told at the end. */
async function follow(platform: TestPlatform, { jobId, attempt }: TestLog): Promise<{ lines: number; said: string }> {
  const headers = { authorization: `Bearer ${platform.adminToken}` };
  const socket = new WebSocket(`${platform.url.replace('http', 'ws')}/api/live`, { headers });
  const result = { lines: 0, said: '' };
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (isBinary) {
      const { header } = readFrame(data);
      expect(header.firstLine).toBe(result.lines + 1);
      result.lines += header.lines;
      return;
    }
    const message = JSON.parse(data.toString());
    if (message.type === 'hello') socket.send(JSON.stringify({ type: 'follow.log', jobId, attempt }));
    if (message.type !== 'log.end' && message.type !== 'error') return;
    result.said = message.code ?? message.type;
    socket.close();
  });
  await once(socket, 'close');
  return result;
}

test('a link to a line opens the same line while the log is sealed and archived, until it is removed', async () => {
  farm = await testFarm();
  p = await startTestPlatform(farm.db, { 'blobs.url': join(farm.dataDir, 'blobs') });
  const platform = p;
  startRetention(farm.context, leads);
  const log = await testLog(farm.db, { frames: 40, lines: 100 });
  const url = `/api/jobs/${log.jobId}/log`;
  const looks = async () => ({
    page: (await platform.json<LogPage>(`${url}?from=1234&limit=20`)).lines,
    end: (await platform.json<LogPage>(`${url}?from=-3`)).lines,
    text: await (await platform.ask(`${url}.txt`)).text(),
    jsonl: await (await platform.ask(`${url}.jsonl`)).text(),
    outline: await platform.json(`${url}/outline`),
    live: await follow(platform, log),
  });
  const before = await looks();
  expect(before.page).toMatchObject(log.lines.slice(1233, 1253));
  expect(before).toMatchObject({ text: log.text, live: { lines: 4000, said: 'log.end' } });

  farm.context.bus.publish(SUBJECTS.ended, {});
  await becomes(log, 'sealed');
  expect(await looks()).toEqual(before);
  const metrics = await farm.context.metrics.registry.metrics();
  expect(metrics).toMatch(/^kiln_orch_logs_sealed_total 1$/m);
  expect(metrics).toMatch(/^kiln_orch_logs_unsealed 0$/m);

  // A farm whose ages are looked at every second.
  const { context } = await farm.join({ overrides: { 'retention.staging': '10s' } });
  startRetention(context, leads);
  await age(farm.db, log, 31);
  await becomes(log, 'archived');
  expect(await looks()).toEqual(before);

  await age(farm.db, log, 91);
  await becomes(log, 'expired');
  for (const path of [url, `${url}.txt`, `${url}.jsonl`, `${url}/outline`]) {
    const answer = await platform.ask(path);
    expect([path, answer.status, (await answer.json()).error.code]).toEqual([path, 410, 'log_expired']);
  }
  expect(await follow(platform, log)).toEqual({ lines: 0, said: 'log_expired' });
  expect((await platform.ask(`/api/jobs/${log.jobId}`)).status).toBe(200);
});

test('periods are settings', async () => {
  farm = await testFarm({
    'retention.logs_full': '2d',
    'retention.logs_archived': '5d',
    // Ages are looked at every second.
    'retention.staging': '10s',
  });
  startRetention(farm.context, leads);
  const [young, log] = [await testLog(farm.db), await testLog(farm.db)];
  await age(farm.db, young, 1);
  farm.context.bus.publish(SUBJECTS.ended, {});
  await becomes(young, 'sealed');
  await becomes(log, 'sealed');
  await age(farm.db, log, 3);
  await becomes(log, 'archived');
  await age(farm.db, log, 6);
  await becomes(log, 'expired');
  expect(await kept(young)).toBe('sealed');
});

test('while the place of blobs is away logs stay in the database, and that is told once', async () => {
  s3 = await startS3();
  farm = await testFarm(s3.settings);
  s3.interrupt = (request) => {
    request.socket.destroy();
    return true;
  };
  startRetention(farm.context, leads);
  const logs = [await testLog(farm.db), await testLog(farm.db), await testLog(farm.db)] as const;
  const { bus } = farm.context;
  bus.publish(SUBJECTS.ended, {});
  await until('it is told', () => farm.lines('a finished log can not be moved, trying again').length > 0);
  const looks = () => farm.lines('the place of finished logs does not answer').length;
  const before = looks();
  await until('it is looked at again', () => {
    bus.publish(SUBJECTS.ended, {});
    return looks() > before;
  });
  expect(farm.lines().filter(({ level }) => level !== 'debug' && level !== 'info')).toHaveLength(1);
  expect(await farm.context.metrics.registry.metrics()).toMatch(/^kiln_orch_logs_unsealed 3$/m);
  const standing = await farm.context.logs.standing(logs[0].jobId, 1);
  expect(standing && (await farm.context.logs.page(logs[0].jobId, standing, 1, 5)).lines).toHaveLength(5);

  s3.interrupt = null;
  await farm.db`UPDATE sealed_logs SET next_try_at = now()`;
  for (const log of logs)
    await until('the log is sealed', async () => {
      bus.publish(SUBJECTS.ended, {});
      return (await kept(log)) === 'sealed';
    });
  expect(farm.lines('finished logs are moved again')).toHaveLength(1);
});

test('staged outputs go some days after a run that will not publish them', async () => {
  farm = await testFarm({ 'retention.staging': '1h' });
  const [old, young, failed] = [await testLog(farm.db), await testLog(farm.db), await testLog(farm.db)];
  const { stagingDir } = farm.context.config;
  const fileOf = async ({ jobId }: TestLog) => {
    const [row] = await farm.db<{ runId: string }[]>`SELECT run_id FROM jobs WHERE job_id = ${jobId}`;
    const runId = row?.runId ?? '';
    return { runId, path: join(stagingDir, runId, 'out.bin'), key: newStagedKey(runId) };
  };
  const places = await Promise.all([old, young, failed].map(fileOf));
  for (const { path, key } of places) {
    await farm.context.blobs.put(key, Buffer.from('output'));
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, 'output');
  }
  const [a, b, c] = places.map(({ runId }) => runId);
  await farm.db`UPDATE runs SET status = 'cancelled', finished_at = now() - interval '2 hours' WHERE run_id = ${a ?? ''}`;
  await farm.db`UPDATE runs SET status = 'completed', finished_at = now() WHERE run_id = ${b ?? ''}`;
  await farm.db`UPDATE runs SET status = 'failed', finished_at = now() - interval '9 hours' WHERE run_id = ${c ?? ''}`;
  startRetention(farm.context, leads);
  await until('the old one is gone', () => farm.lines('old staged outputs removed').length > 0);
  const left = await Promise.all(places.map(async ({ path }) => await readFile(path, 'utf8').catch(() => null)));
  expect(left).toEqual([null, 'output', 'output']);
  const keys: string[] = [];
  for await (const { key } of farm.context.blobs.list('staging/')) keys.push(key);
  expect(keys.toSorted()).toEqual(
    places
      .slice(1)
      .map(({ key }) => key)
      .toSorted(),
  );
});

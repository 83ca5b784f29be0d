import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { LocalBus } from '@kiln/store/bus/local-bus.ts';
import { issueCredential, revokeCredential } from '@kiln/store/credentials.ts';
import { seedRun, testJob, testRecipe } from '@kiln/store/reads/testing-seed.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestPlatform, type TestPlatform, testPlatform } from '../testing.ts';
import { BuildReader, entry, type HeldTask, heldTask } from './testing-builds.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
});
afterAll(async () => await p.stop());

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');
/** Bytes in buffers that somebody holds. */
const retained = (): number => {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
};
const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const reader = async () => await new BuildReader(p).opened();
const lines = (from: number, to: number) => numbers(from, to).map((n) => entry(`line ${n}`));

describe('the messages', () => {
  it('of a log entry have the documented shape, within a second of the post', async () => {
    const task = await heldTask(p, { labels: ['vm'] });
    const r = await reader();
    r.say({ type: 'subscribe', task_id: task.taskId });
    expect(await r.got('subscribed')).toEqual({
      type: 'subscribed',
      task_id: task.taskId,
      status: 'started',
      attempt: 1,
      tasks: 1,
    });
    await r.got('history_end');
    const begin = performance.now();
    await task.post([entry('Installed: curl, wget, git', { context: 'Installing packages' })]);
    expect(await r.got('build_log', 0, 1000)).toEqual({
      type: 'build_log',
      task_id: task.taskId,
      session_id: `${task.taskId}.1`,
      build_info: { client: 'admin', platform: 'vm', image: `${task.builder}@1.2`, build_type: 'pvm' },
      log_entry: {
        timestamp: '2024-01-15T10:31:00Z',
        level: 'INFO',
        component: 'ANSIBLE',
        context: 'Installing packages',
        message: 'Installed: curl, wget, git',
      },
      attempt: 1,
      line: 1,
    });
    expect(performance.now() - begin).toBeLessThan(1000);
    r.socket.close();
  });

  it('tell progress, each change of status, and the end after everything', async () => {
    const task = await heldTask(p);
    const r = await reader();
    r.say({ type: 'subscribe', task_id: task.taskId });
    await r.got('subscribed');
    const step = (name: string, state: string) => ({ name, state });
    const phases = [
      { name: 'Fetch it', state: 'completed', steps: [] },
      {
        name: 'Installing Software',
        state: 'running',
        steps: [step('Prepare', 'completed'), step('Running Ansible playbooks', 'running')],
      },
    ];
    await p.db`UPDATE jobs SET status = 'building' WHERE job_id = ${task.taskId}`;
    await p.db`
      UPDATE attempts SET status = 'building', percent = 45.7, text = 'x', phases = ${JSON.stringify(phases)}::text::jsonb,
        started_at = now() - interval '418 seconds' WHERE job_id = ${task.taskId}`;
    p.bus.publish(SUBJECTS.changed, { topic: 'run', id: task.job.runId });
    await expect.poll(() => r.of('progress').at(-1)?.progress.percentage, { timeout: 900 }).toBe(45);
    expect(r.of('progress').at(-1)).toEqual({
      type: 'progress',
      task_id: task.taskId,
      progress: {
        percentage: 45,
        stage: 'installing-software',
        stage_name: 'Installing Software',
        current_step: 'Running Ansible playbooks',
        estimated_remaining: expect.stringMatching(/^8m 1[678]s$/),
      },
    });
    await task.post([entry('in a step', { context: 'running ansible playbooks' })]);
    expect((await r.got('build_log')).log_entry.context).toBe('Running Ansible playbooks');
    await task.finish();
    const end = await r.got('end');
    const metadata = { build_time_seconds: expect.toSatisfy((s) => s === 418 || s === 419), download_url: null };
    expect(end).toEqual({
      type: 'end',
      task_id: task.taskId,
      status: 'completed',
      message: 'Build completed successfully',
      attempt: 1,
      lines: 1,
      metadata,
    });
    expect(r.of('status_change').map((m) => [m.old_status, m.new_status])).toEqual([
      ['started', 'building'],
      ['building', 'completed'],
    ]);
    expect(r.of('status_change')[1]).toEqual({
      type: 'status_change',
      task_id: task.taskId,
      old_status: 'building',
      new_status: 'completed',
      message: 'Build completed successfully',
      metadata,
    });
    expect(r.of('progress').at(-1)?.progress).toMatchObject({
      percentage: 100,
      stage: 'complete',
      stage_name: 'Complete',
    });
    expect(r.messages.at(-1)).toBe(end);
    r.socket.close();
  });

  it('say why a build failed, and every status on the way', async () => {
    const task = await heldTask(p);
    const r = await reader();
    r.say({ type: 'subscribe', task_id: task.taskId });
    await r.got('subscribed');
    await task.finish('step "make" ended with exit code 2');
    expect(await r.got('end')).toMatchObject({ status: 'failed', message: 'step "make" ended with exit code 2' });
    expect(r.of('status_change').map((m) => m.new_status)).toEqual(['failed']);
    r.socket.close();
  });
});

describe('history and live', () => {
  it('join without a gap or a repeat, whoever comes when', async () => {
    const task = await heldTask(p);
    const readers: BuildReader[] = [];
    for (let n = 0; n < 20; n++) {
      await task.post(lines(n * 500 + 1, n * 500 + 500));
      if (n % 5 !== 1) continue;
      const r = await reader();
      r.say({ type: 'subscribe', task_id: task.taskId });
      readers.push(r);
    }
    await task.finish();
    for (const r of readers) {
      await r.got('end', 0, 10_000);
      expect(r.lines).toEqual(numbers(1, 10_000));
      const { line } = await r.got('history_end');
      expect(line).toBeGreaterThanOrEqual((await r.got('history_start')).lines);
      r.socket.close();
    }
  });

  it('go on from a cursor, also in the middle of a batch, and from the end', async () => {
    const task = await heldTask(p);
    await task.post(lines(1, 1000));
    const r = await reader();
    r.say({ type: 'subscribe', task_id: task.taskId, attempt: 1, since: 437 });
    await expect.poll(() => r.lines.length).toBe(563);
    expect(r.lines).toEqual(numbers(438, 1000));
    expect(await r.got('history_start')).toMatchObject({ first_line: 438, lines: 1000 });
    r.messages.length = 0;
    r.say({ type: 'subscribe', task_id: task.taskId, since: -10 });
    await expect.poll(() => r.lines).toEqual(numbers(991, 1000));
    r.messages.length = 0;
    r.say({ type: 'subscribe', task_id: task.taskId, since: 1000 });
    expect(await r.got('history_end')).toMatchObject({ line: 1000 });
    await task.post(lines(1001, 1002));
    await expect.poll(() => r.lines).toEqual([1001, 1002]);
    r.socket.close();
  });

  it('survive a restart of the platform, and a bus of another process', async () => {
    const task = await heldTask(p);
    const other = await startTestPlatform(p.db);
    const first = await new BuildReader(other).opened();
    first.say({ type: 'subscribe', task_id: task.taskId });
    await first.got('history_end');
    await task.post(lines(1, 50));
    await expect.poll(() => first.lines, { timeout: 2500 }).toEqual(numbers(1, 50));
    const closed = new Promise((resolve) => first.socket.on('close', resolve));
    await other.stop();
    expect(await closed).toBe(1001);
    await task.post(lines(51, 80));
    const again = await startTestPlatform(p.db);
    const second = await new BuildReader(again).opened();
    second.say({ type: 'subscribe', task_id: task.taskId, attempt: 1, since: first.lines.at(-1) ?? 0 });
    await task.finish();
    await second.got('end');
    expect([...first.lines, ...second.lines]).toEqual(numbers(1, 80));
    await again.stop();
    expect(p.bus).toBeInstanceOf(LocalBus);
  });

  it('of a task that ended are whole, and end', async () => {
    const task = await heldTask(p);
    await task.post(lines(1, 10));
    await task.finish();
    const r = await reader();
    r.say({ type: 'subscribe', task_id: task.taskId.toUpperCase() });
    expect(await r.got('end')).toMatchObject({ lines: 10, status: 'completed' });
    expect(r.lines).toEqual(numbers(1, 10));
    expect(r.of('status_change')).toEqual([]);
    r.socket.close();
  });

  it('go on with the next attempt when the first was lost', async () => {
    const task = await heldTask(p);
    const r = await reader();
    r.say({ type: 'subscribe', task_id: task.taskId });
    await task.post(lines(1, 3));
    await expect.poll(() => r.lines.length).toBe(3);
    await p.db`UPDATE attempts SET finished_at = now(), status = 'failed' WHERE job_id = ${task.taskId}`;
    await p.db`UPDATE jobs SET attempt = 2, fence = fence + 1, status = 'building' WHERE job_id = ${task.taskId}`;
    await p.db`
      INSERT INTO attempts (job_id, attempt, fence, agent_name) SELECT job_id, 2, fence, ${task.builder} FROM jobs WHERE job_id = ${task.taskId}`;
    await task.post(lines(1, 2));
    await expect.poll(() => r.lines, { timeout: 4000 }).toEqual([1, 2, 3, 1, 2]);
    expect(r.of('build_log').at(-1)).toMatchObject({ session_id: `${task.taskId}.2`, attempt: 2 });
    expect(r.of('status_change').map((m) => m.new_status)).toEqual(['building', 'queued', 'started', 'building']);
    expect(r.of('end')).toEqual([]);
    r.socket.close();
  });
});

describe('subscriptions', () => {
  it('are to the task that was asked for, until it is no longer wanted', async () => {
    const [one, two] = [await heldTask(p), await heldTask(p)];
    const r = await reader();
    r.say({ type: 'subscribe', task_id: one.taskId });
    await r.got('history_end');
    await two.post(lines(1, 5));
    await one.post(lines(1, 5));
    await expect.poll(() => r.lines).toEqual(numbers(1, 5));
    expect(new Set(r.of('build_log').map((m) => m.task_id))).toEqual(new Set([one.taskId]));
    r.say({ type: 'unsubscribe', task_id: one.taskId });
    await r.got('unsubscribed');
    await one.post(lines(6, 7));
    await sleep(100);
    expect(r.lines).toEqual(numbers(1, 5));
    r.socket.close();
  });

  it('to all tell what runs and what starts later, however short it is', async () => {
    const own = await testPlatform();
    const running = await heldTask(own);
    await running.post(lines(1, 4));
    const r = await new BuildReader(own).opened();
    r.say({ type: 'subscribe', task_id: 'all', since: { [running.taskId]: 2 } });
    expect(await r.got('subscribed')).toMatchObject({ task_id: 'all', tasks: 1 });
    await expect.poll(() => r.lines).toEqual([3, 4]);
    const short = await heldTask(own);
    await short.post(lines(1, 2));
    await short.finish();
    expect(await r.got('end')).toMatchObject({ task_id: short.taskId, lines: 2 });
    const of = r.of('status_change').filter((m) => m.task_id === short.taskId);
    expect(of.map((m) => m.new_status)).toEqual(['started', 'building', 'completed']);
    await sleep(1200);
    expect(r.of('end')).toHaveLength(1);
    expect(r.lines).toEqual([3, 4, 1, 2]);
    r.say({ type: 'unsubscribe', task_id: 'all' });
    await r.got('unsubscribed');
    await running.post(lines(5, 5));
    await sleep(100);
    expect(r.lines).toEqual([3, 4, 1, 2]);
    await own.stop();
  });

  it('to a task that waits begin when it begins', async () => {
    const name = `w${randomUUID().slice(0, 8)}`;
    await seedRun(p.db, testRecipe(name, { jobs: [testJob('x', { labels: [name] })] }), '1');
    const [job] = await p.db<{ jobId: string }[]>`SELECT job_id FROM jobs WHERE ${name} = ANY (labels)`;
    const r = await reader();
    r.say({ type: 'subscribe', task_id: job?.jobId ?? '' });
    expect(await r.got('subscribed')).toMatchObject({ status: 'queued', attempt: null });
    expect(await r.got('progress')).toMatchObject({ progress: { percentage: 0, stage: 'queued' } });
    await p.db`UPDATE jobs SET status = 'cancelled' WHERE job_id = ${job?.jobId ?? ''}`;
    expect(await r.got('end')).toMatchObject({ status: 'cancelled', attempt: null, lines: 0 });
    r.socket.close();
  });
});

describe('the socket', () => {
  const refused = async (headers: Record<string, string>): Promise<number> => {
    const r = new BuildReader(p, headers);
    return await new Promise((resolve) => {
      r.socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
      r.socket.on('open', () => {
        r.socket.close();
        resolve(101);
      });
    });
  };

  it('opens for a session or the admin token, and for nothing else', async () => {
    const { token } = await issueCredential(p.db, { kind: 'session', subject: 'admin', ttlMs: 60_000 });
    const ended = await issueCredential(p.db, { kind: 'session', subject: 'admin', ttlMs: -1 });
    const builder = await heldTask(p);
    const origin = p.url;
    expect(await refused({})).toBe(401);
    expect(await refused({ authorization: 'Bearer wrong' })).toBe(401);
    expect(await refused({ authorization: `Bearer ${builder.token}` })).toBe(401);
    expect(await refused({ cookie: `kiln_session=${ended.token}`, origin })).toBe(401);
    expect(await refused({ cookie: `kiln_session=${token}`, origin: 'https://evil.example' })).toBe(403);
    expect(await refused({ cookie: `kiln_session=${token}`, origin })).toBe(101);
    expect((await p.ask('/api/vm-build/logs/stream')).status).toBe(426);
  });

  it('closes when the session ends', async () => {
    for (const end of ['sign-out', 'revoke'] as const) {
      const { credentialId, token } = await issueCredential(p.db, { kind: 'session', subject: 'admin', ttlMs: 60_000 });
      const headers = { cookie: `kiln_session=${token}`, origin: p.url };
      const r = await new BuildReader(p, headers).opened();
      if (end === 'revoke') await revokeCredential(p.db, credentialId);
      else await fetch(`${p.url}/api/sign-out`, { method: 'POST', headers });
      await expect
        .poll(() => r.closed, { timeout: end === 'revoke' ? 12_000 : 1000 })
        .toEqual({ code: 4401, reason: 'the session ended' });
    }
  });

  it('answers garbage with an error, and too much of it by closing', async () => {
    const r = await reader();
    const garbage = [
      '',
      '{',
      'null',
      '[]',
      '{"type":"x"}',
      '{"type":"subscribe"}',
      '{"type":"subscribe","task_id":"x"}',
    ];
    for (const said of garbage) r.say(said);
    r.say({ type: 'subscribe', task_id: randomUUID() });
    r.say({ type: 'subscribe', task_id: 'all', attempt: 1 });
    r.say('{"type":"subscribe","task_id":"all","since":{"x":"y"}}');
    r.say({ type: 'ping' });
    await r.got('pong');
    await expect.poll(() => r.of('error').length).toBe(garbage.length + 3);
    expect(r.of('error').map(({ code }) => code)).toContain('not_found');
    expect(r.closed).toBeNull();
    for (let n = 0; n < 20; n++) r.say('garbage');
    await expect.poll(() => r.closed?.code).toBe(1008);
  });
});

describe('a slow reader', () => {
  it('neither holds up the builder nor costs memory, and gets everything when it reads', async () => {
    const task: HeldTask = await heldTask(p);
    const r = await reader();
    r.say({ type: 'subscribe', task_id: task.taskId });
    await r.got('history_end');
    r.socket.pause();
    const fast = await reader();
    fast.say({ type: 'subscribe', task_id: task.taskId });
    fast.socket.on('message', () => {
      fast.messages.length = 0;
    });
    const before = retained();
    const text = 'x'.repeat(1500);
    const times: number[] = [];
    for (let n = 0; n < 20; n++) {
      const begin = performance.now();
      await task.post(numbers(n * 1000 + 1, n * 1000 + 1000).map((k) => entry(`${k} ${text}`)));
      times.push(performance.now() - begin);
    }
    expect(times.sort((a, b) => a - b)[10]).toBeLessThan(500);
    await expect.poll(() => retained() - before, { timeout: 5000 }).toBeLessThan(30_000_000);
    r.socket.resume();
    await task.finish();
    await r.got('end', 0, 20_000);
    expect(r.lines).toEqual(numbers(1, 20_000));
    r.socket.close();
  });

  it('that asks and asks without reading is let go, with a reason', async () => {
    const r = await reader();
    const task = await heldTask(p);
    const text = 'x'.repeat(3000);
    for (let n = 0; n < 10; n++) await task.post(numbers(1, 1200).map((k) => entry(`${n}.${k} ${text}`)));
    r.socket.pause();
    r.say({ type: 'subscribe', task_id: task.taskId });
    await sleep(500);
    for (let n = 0; n < 12_000; n++) r.say({ type: 'ping' });
    await sleep(500);
    r.socket.resume();
    await expect.poll(() => r.closed, { timeout: 5000 }).toEqual({ code: 4408, reason: 'the reader takes nothing' });
  });
});

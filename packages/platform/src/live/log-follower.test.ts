import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { LOG_END, logCopy } from '@kiln/store/bus/log-copy.ts';
import type { NewFrame } from '@kiln/store/frames.ts';
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
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';
import { connect, type LiveClient } from './testing-client.ts';

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
});
afterAll(async () => await p.stop());

const numbers = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');
/** Bytes in buffers that somebody holds. */
const retained = (): number => {
  collectGarbage();
  return process.memoryUsage().arrayBuffers;
};

/** A job in progress, and what its agent's orchestrator does with its frames. */
const building = async () => {
  const name = randomUUID();
  const agentId = await seedAgent(p.db, name);
  await seedRun(p.db, testRecipe(`r${name.slice(0, 8)}`), '1');
  const [job] = await claim(p.db, agentId, name);
  if (!job) throw new Error('no job was claimed');
  const { jobId, attempt } = job;
  const make = (sequence: number, lines = 10): NewFrame =>
    testFrame(
      job,
      sequence,
      (sequence - 1) * lines + 1,
      Array.from({ length: lines }, (_, n) => `frame ${sequence} line ${n}`),
    );
  return {
    job,
    follow: { type: 'follow.log' as const, jobId, attempt },
    make,
    store: async (from: number, to = from) =>
      await seedFrames(
        p.db,
        numbers(from, to).map((n) => make(n)),
      ),
    tell: (from: number, to = from) =>
      p.bus.publish(SUBJECTS.log(jobId, attempt), logCopy(numbers(from, to).map((n) => make(n)))),
    async end(job_: ClaimedJob, last: number) {
      await finish(p.db, job_, null, last);
      p.bus.publish(SUBJECTS.log(jobId, attempt), LOG_END);
    },
  };
};

describe('following a log', () => {
  it('gives history, then live frames, then the end', async () => {
    const log = await building();
    await log.store(1, 3);
    const c = await connect(p);
    c.send(log.follow);
    expect(await c.got('log.start')).toMatchObject({ firstLine: 1, total: 30 });
    await expect.poll(() => c.sequences).toEqual([1, 2, 3]);
    for (const sequence of numbers(4, 8)) {
      await log.store(sequence);
      log.tell(sequence);
    }
    await expect.poll(() => c.sequences, { interval: 5 }).toEqual(numbers(1, 8));
    await log.end(log.job, 8);
    expect(await c.got('log.end', 900)).toMatchObject({ jobId: log.job.jobId, attempt: 1, lines: 80 });
    expect(c.sequences).toEqual(numbers(1, 8));
    c.socket.close();
  });

  it('has a line in milliseconds', async () => {
    const log = await building();
    const c = await connect(p);
    c.send(log.follow);
    await c.got('log.start');
    const begin = performance.now();
    await log.store(1);
    const stored = performance.now();
    log.tell(1);
    while (c.frames.length === 0) await sleep(1);
    expect(performance.now() - stored).toBeLessThan(50);
    expect(stored - begin).toBeLessThan(500);
    c.socket.close();
  });

  it('misses and repeats nothing while frames rain, messages are lost and come twice', async () => {
    const log = await building();
    await log.store(1, 20);
    const clients: LiveClient[] = [];
    for (const sequence of numbers(21, 120)) {
      await log.store(sequence);
      if (sequence % 7 !== 0) log.tell(sequence);
      if (sequence % 11 === 0) log.tell(sequence - 5, sequence);
      if (sequence % 20 === 0) {
        const late = await connect(p);
        late.send(log.follow);
        clients.push(late);
      }
    }
    await log.end(log.job, 120);
    for (const c of clients) {
      await c.got('log.end');
      expect(c.sequences).toEqual(numbers(1, 120));
      c.socket.close();
    }
  });

  it('works without a bus: what another process wrote comes within two seconds', async () => {
    const log = await building();
    const c = await connect(p);
    c.send(log.follow);
    await c.got('log.start');
    await log.store(1, 5);
    await expect.poll(() => c.sequences, { timeout: 2500 }).toEqual(numbers(1, 5));
    await finish(p.db, log.job, null, 5);
    expect(await c.got('log.end', 2500)).toMatchObject({ lines: 50 });
    c.socket.close();
  });

  it.each([
    [15, 2, 15],
    [-1, 10, 100],
    [-15, 9, 86],
    [-5000, 1, 1],
    [100, 10, 100],
    [101, 11, 101],
    [999, 11, 101],
  ])('begins at line %i, in frame %i', async (from, sequence, firstLine) => {
    const log = await building();
    await log.store(1, 10);
    const c = await connect(p);
    c.send({ ...log.follow, from });
    expect(await c.got('log.start')).toMatchObject({ firstLine, total: 100 });
    await log.store(11);
    log.tell(11);
    await expect.poll(() => c.sequences).toEqual(numbers(sequence, 11));
    expect(c.frames[0]).toMatchObject({ firstLine, lines: sequence * 10 - firstLine + 1 });
    c.socket.close();
  });

  it('of a finished attempt ends at once', async () => {
    const log = await building();
    await log.store(1, 3);
    await finish(p.db, log.job, null, 3);
    const c = await connect(p);
    c.send(log.follow);
    await c.got('log.end');
    expect(c.sequences).toEqual([1, 2, 3]);
    c.send(log.follow);
    await expect.poll(() => c.messages.filter((message) => message.type === 'log.end').length).toBe(2);
    c.socket.close();
  });

  it('stops when it is asked to, and begins anew when it is asked again', async () => {
    const log = await building();
    await log.store(1, 2);
    const c = await connect(p);
    c.send(log.follow);
    await expect.poll(() => c.sequences).toEqual([1, 2]);
    c.send({ ...log.follow, type: 'unfollow.log' });
    await sleep(50);
    await log.store(3);
    log.tell(3);
    await sleep(50);
    expect(c.sequences).toEqual([1, 2]);
    c.send(log.follow);
    await expect.poll(() => c.sequences).toEqual([1, 2, 1, 2, 3]);
    c.socket.close();
  });

  it('that was asked for while the database could not be read begins as soon as it can', async () => {
    const log = await building();
    await log.store(1, 3);
    const c = await connect(p);
    await p.db`ALTER TABLE attempts RENAME TO elsewhere`;
    c.send(log.follow);
    await sleep(100);
    expect(c.messages.map(({ type }) => type)).toEqual(['hello']);
    await p.db`ALTER TABLE elsewhere RENAME TO attempts`;
    await c.got('log.start');
    await expect.poll(() => c.sequences).toEqual([1, 2, 3]);
    c.socket.close();
  });

  it('of what is not there is an error', async () => {
    const c = await connect(p);
    for (const [jobId, attempt] of [
      [randomUUID(), 1],
      ['x', 1],
      [randomUUID(), 99_999_999_999],
    ] as const) {
      c.send({ type: 'follow.log', jobId, attempt });
    }
    await expect.poll(() => c.messages.filter((m) => m.type === 'error' && m.code === 'not_found').length).toBe(3);
    c.socket.close();
  });
});

describe('a slow reader', () => {
  it('costs a bounded amount of memory, and gets everything in the end', async () => {
    const log = await building();
    const noise = () => randomBytes(90_000).toString('base64');
    const frames = numbers(1, 300).map((n) => testFrame(log.job, n, n, [noise()]));
    const size = frames.reduce((sum, frame) => sum + frame.data.length, 0);
    expect(size).toBeGreaterThan(25_000_000);
    const c = await connect(p);
    c.send(log.follow);
    await c.got('log.start');
    c.socket.pause();
    const before = retained();
    for (let n = 0; n < frames.length; n += 10) {
      const some = frames.slice(n, n + 10);
      await seedFrames(p.db, some);
      p.bus.publish(SUBJECTS.log(log.job.jobId, 1), logCopy(some));
    }
    // What was just written to the database is let go a moment later.
    await expect.poll(() => retained() - before, { timeout: 5000 }).toBeLessThan(12_000_000);
    await log.end(log.job, 300);
    c.socket.resume();
    await c.got('log.end', 20_000);
    expect(c.sequences).toEqual(numbers(1, 300));
    c.socket.close();
  });
});

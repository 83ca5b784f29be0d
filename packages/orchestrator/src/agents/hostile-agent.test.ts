import { issueCredential } from '@kiln/store/credentials.ts';
import { framesAfter } from '@kiln/store/frames.ts';
import { testJob, testRecipe, testRun } from '@kiln/store/test-run.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { until } from '../../../../tests/support/until.ts';
import {
  completed,
  failed,
  frame,
  HELLO,
  progress,
  reference,
  startTestGateway,
  type TestGateway,
  type Told,
  WireAgent,
} from './testing-gateway.ts';

let t: TestGateway;
beforeEach(async () => {
  t = await startTestGateway();
});
afterEach(async () => await t.stop());

async function withJob(): Promise<{ agent: WireAgent; job: Told<'job.dispatch'>; runId: string }> {
  const agent = await t.agent({ slots: 1 });
  const { runId } = await testRun(t.db, testRecipe('long'));
  t.queue();
  return { agent, job: await agent.next('job.dispatch'), runId };
}

/** That another agent gets its work done as ever. */
async function othersGoOn(): Promise<void> {
  const other = await t.agent({ slots: 1, labels: ['other'] });
  const jobs = [testJob('build', { labels: ['other'] })];
  const { runId } = await testRun(t.db, testRecipe('other', { jobs }));
  t.queue();
  const job = await other.next('job.dispatch');
  other.socket.send(frame(job, 1));
  other.say(completed(job, 1));
  await other.next('job.finished.ack');
  expect(await t.run(runId)).toMatchObject({ status: 'completed' });
}

const nested = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
const step = {
  name: 's',
  state: 'running',
  startedAt: 1,
  finishedAt: null,
  exitCode: null,
  signal: null,
  firstLine: 1,
};
const phase = { name: 'p', weight: 1, state: 'running', startedAt: 1, finishedAt: null, steps: [step] };

describe('closes the socket of whoever sends', () => {
  test.each<[string, (job: Told<'job.dispatch'>) => string | Buffer]>([
    [
      'a text that is too long',
      (job) =>
        JSON.stringify({ type: 'job.progress', ...reference(job), progress: { ...progress, text: 'x'.repeat(5000) } }),
    ],
    [
      'ten thousand phases',
      (job) =>
        JSON.stringify({
          type: 'job.progress',
          ...reference(job),
          progress: { ...progress, phases: Array(10_000).fill(phase) },
        }),
    ],
    [
      'a time that no date has',
      (job) =>
        JSON.stringify({
          type: 'job.progress',
          ...reference(job),
          progress: { ...progress, phases: [{ ...phase, startedAt: 1e300 }] },
        }),
    ],
    [
      'an exit code that no process has',
      (job) => JSON.stringify({ ...failed(job), failure: { ...failed(job).failure, exitCode: 1e300 } }),
    ],
    ['two mebibytes', () => JSON.stringify({ type: 'agent.log', line: { msg: 'x'.repeat(2 ** 21) } })],
    ['a reason longer than a close frame holds', () => `{"a":${'💥'.repeat(200)}`],
    [
      'a frame with lines beyond measure',
      (job) => frame(job, 1, { lines: 2 ** 31, bytes: 2 ** 31, runs: [[2 ** 31, 1, 1, 'output', 0, 0]] }),
    ],
    ['a frame with more lines than bytes', (job) => frame(job, 1, { lines: 7, runs: [[7, 1, 1, 'output', 0, 0]] })],
    ['a frame of the year 300000', (job) => frame(job, 1, { runs: [[1, 1e16, 1, 'output', 0, 0]] })],
    ['a frame that leaves lines out', (job) => frame(job, 1, { firstLine: 2 })],
    ['a frame that repeats lines', (job) => frame(job, 2, { firstLine: 1 })],
  ])('%s', async (what, message) => {
    const { agent, job } = await withJob();
    if (what === 'a frame that repeats lines') agent.socket.send(frame(job, 1));
    agent.socket.send(message(job));
    await until('the socket is closed', () => agent.closed !== null);
    expect(agent.closed).toBe(4400);
    await othersGoOn();
  });

  test.each([
    ['slots', { slots: 3e9 }],
    ['memory', { memory: 1e308 }],
    ['name', { name: 'n'.repeat(1000) }],
    ['labels', { labels: Array(10_000).fill('x') }],
  ])('a hello with absurd %s', async (_name, more) => {
    const agent = await new WireAgent(t.url, await t.enrolled()).opened();
    agent.say({ ...HELLO, ...more });
    await until('the socket is closed', () => agent.closed !== null);
    expect(agent.closed).toBe(4400);
  });

  test('log without end and without waiting for an answer', async () => {
    const { agent, job } = await withJob();
    const large = Buffer.concat([frame(job, 1), Buffer.alloc(3_000_000)]);
    for (let sequence = 1; sequence <= 40 && agent.closed === null; sequence++) {
      const head = frame(job, sequence);
      agent.socket.send(Buffer.concat([head, large.subarray(head.length)]));
    }
    await until('the socket is closed', () => agent.closed !== null);
    expect(agent.closed).toBe(4400);
    await othersGoOn();
  });
});

test('what no database keeps is replaced, and what is not of the protocol is left out', async () => {
  const { agent, job, runId } = await withJob();
  const odd = { ...phase, name: 'a\0b\ud800', steps: [{ ...step, extra: 1 }], extra: 1 };
  agent.say({ type: 'job.building', ...reference(job), progress: { percent: 1, text: '\0', phases: [odd] } });
  const { phases, ...rest } = progress;
  const deep = JSON.stringify({ type: 'job.progress', ...reference(job), progress: { ...rest, phases } });
  agent.socket.send(deep.replace('"phases":[]', `"phases":[],"extra":${nested}`));
  agent.say({ ...failed(job), failure: { ...failed(job).failure, lineText: 'half \ud83d' } });
  await agent.next('job.finished.ack');
  expect(await t.run(runId)).toMatchObject({ status: 'failed', failure: { lineText: 'half \ufffd' } });
  await othersGoOn();
});

test('an agent that logs without end is cut short', async () => {
  const agent = await t.agent();
  let lines = 0;
  t.context.log.info = () => void lines++;
  for (let n = 0; n < 5000; n++) agent.say({ type: 'agent.log', line: { level: 'info', msg: `line ${n}` } });
  await othersGoOn();
  expect(lines).toBeLessThan(3000);
});

test('an agent whose socket dies while it is greeted is not taken for a connected one', async () => {
  const moments: ((agent: WireAgent) => Promise<unknown>)[] = [
    async () => {},
    async () => await new Promise((next) => setImmediate(next)),
    async () => await t.db`SELECT 1`,
    async (agent) => await agent.next('welcome'),
  ];
  for (const moment of Array(5).fill(moments).flat()) {
    const agent = await new WireAgent(t.url, await t.enrolled()).opened();
    agent.say(HELLO);
    await moment(agent);
    agent.socket.terminate();
  }
  await until('all are gone', () => t.gateway.connections.size === 0);
  await until(
    'the database knows',
    async () => (await t.db`SELECT 1 FROM agents WHERE instance IS NOT NULL`).length === 0,
  );
});

test('of many sockets with one identity one stays, and it is the one that is spoken to', async () => {
  const token = await t.enrolled();
  const agents = await Promise.all(Array.from({ length: 8 }, async () => await new WireAgent(t.url, token).hello()));
  await until('the others are closed', () => agents.filter((agent) => agent.closed === 4409).length === 7);
  const { runId } = await testRun(t.db, testRecipe('once'));
  t.queue();
  const [last] = agents.filter((agent) => agent.closed === null);
  if (!last) throw new Error('none stayed');
  const job = await last.next('job.dispatch');
  last.say(completed(job, 0));
  await last.next('job.finished.ack');
  expect(await t.run(runId)).toMatchObject({ status: 'completed' });
});

test('an enrolment with a name that can not be kept is refused', async () => {
  const { token } = await issueCredential(t.db, { kind: 'join', subject: 'test' });
  for (const name of ['a\0b', 'two\nlines', 'half \ud800', '', 'n'.repeat(300)]) {
    const response = await fetch(`${t.url}/agents/enrol`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ name }),
    });
    expect(response.status).toBe(400);
  }
});

test('a frame under a header that lies about its text is stored and gives as many lines as it says', async () => {
  const { agent, job } = await withJob();
  agent.socket.send(frame(job, 1, { lines: 3, runs: [[3, 1, 1, 'output', 0, 0]] }));
  agent.socket.send(frame(job, 2, { firstLine: 4 }));
  await agent.next('log.ack');
  await until('both are stored', async () => (await framesAfter(t.db, job.jobId, 1, 0)).length === 2);
});

import { zstdDecompressSync } from 'node:zlib';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { decodeFrame } from '@kiln/protocol/frame.ts';
import { issueCredential } from '@kiln/store/credentials.ts';
import { framesAfter } from '@kiln/store/frames.ts';
import { requestCancel } from '@kiln/store/runs/cancel.ts';
import { testJob, testRecipe, testRun } from '@kiln/store/test-run.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { until } from '../../../../tests/support/until.ts';
import {
  completed,
  failed,
  frame,
  progress,
  reference,
  startTestGateway,
  type TestGateway,
  WireAgent,
} from './testing-gateway.ts';

let t: TestGateway;
beforeEach(async () => {
  t = await startTestGateway();
});
afterEach(async () => await t.stop());

test('a job goes from queue to completed, its frames acknowledged after they are stored', async () => {
  const agent = await t.agent();
  const { runId, requestId } = await testRun(t.db, testRecipe('hello'));
  t.queue();
  const job = await agent.next('job.dispatch');
  expect(job).toMatchObject({ runId, requestId, recipe: 'hello', version: '1.0', attempt: 1 });
  agent.say({ type: 'job.building', ...reference(job), progress });
  agent.socket.send(frame(job, 1));
  expect(await agent.next('log.ack')).toMatchObject({ jobId: job.jobId, sequence: 1 });
  expect(await framesAfter(t.db, job.jobId, 1, 0)).toHaveLength(1);
  agent.socket.send(frame(job, 2));
  agent.say(completed(job, 2));
  await agent.next('job.finished.ack');
  expect(await t.run(runId)).toMatchObject({ status: 'completed' });
  expect(await framesAfter(t.db, job.jobId, 1, 0)).toHaveLength(2);
});

test('a job that needs another is dispatched by the commit that ends the other', async () => {
  const agent = await t.agent();
  await testRun(t.db, testRecipe('chain', { jobs: [testJob('one'), testJob('two', { needs: ['one'] })] }));
  t.queue();
  const one = await agent.next('job.dispatch');
  agent.say(completed(one, 0));
  expect((await agent.next('job.dispatch', 1)).job.name).toBe('two');
});

test('a failed run is tried again on time', async () => {
  const agent = await t.agent();
  const { runId } = await testRun(t.db, testRecipe('flaky', { retries: { max: 1, backoffSeconds: [0.3] } }));
  t.queue();
  agent.say(failed(await agent.next('job.dispatch')));
  await agent.next('job.finished.ack');
  const after = await t.run(runId);
  expect(after).toMatchObject({
    status: 'failed',
    attempt: 1,
    failure: { message: 'step "make" ended with exit code 2' },
  });
  const again = await agent.next('job.dispatch', 1);
  expect(Date.now()).toBeGreaterThanOrEqual(Number(after?.retryAt));
  expect(again.attempt).toBe(2);
  agent.say(failed(again));
  await agent.next('job.finished.ack', 1);
  expect(await t.run(runId)).toMatchObject({ status: 'failed', attempt: 2, retryAt: null });
  expect((await t.db`SELECT failures, next_retry FROM backoff`)[0]).toEqual({ failures: 2, nextRetry: null });
});

test('an agent that reconnects goes on with its job after the last stored frame', async () => {
  const token = await t.enrolled();
  const agent = await new WireAgent(t.url, token).hello();
  await testRun(t.db, testRecipe('long'));
  t.queue();
  const job = await agent.next('job.dispatch');
  agent.say({ type: 'job.building', ...reference(job), progress });
  agent.socket.send(frame(job, 1));
  await agent.next('log.ack');
  agent.socket.terminate();
  const back = await new WireAgent(t.url, token).hello({ running: [reference(job)] });
  expect((await back.next('welcome')).adopted).toEqual([{ ...reference(job), lastSequence: 1 }]);
  back.socket.send(frame(job, 2));
  back.say(completed(job, 2));
  await back.next('job.finished.ack');
  expect((await framesAfter(t.db, job.jobId, 1, 0)).map((f) => f.sequence)).toEqual([1, 2]);
});

test('an agent that comes back without its job gives it to the queue again', async () => {
  const token = await t.enrolled();
  const agent = await new WireAgent(t.url, token).hello();
  await testRun(t.db, testRecipe('long'));
  t.queue();
  const job = await agent.next('job.dispatch');
  agent.socket.terminate();
  const back = await new WireAgent(t.url, token).hello({ lost: [reference(job)] });
  expect(await back.next('job.dispatch')).toMatchObject({ jobId: job.jobId, attempt: 2 });
});

test('the log of a lost attempt ends with words that say so, also for those who watch', async () => {
  const token = await t.enrolled();
  const agent = await new WireAgent(t.url, token).hello();
  await testRun(t.db, testRecipe('long'));
  t.queue();
  const job = await agent.next('job.dispatch');
  const ahead = Date.now() + 60_000;
  agent.socket.send(frame(job, 1, { runs: [[1, ahead, 1, 'output', 0, 0]] }));
  await agent.next('log.ack');
  agent.socket.terminate();
  const seen: number[] = [];
  t.context.bus.subscribe(SUBJECTS.log(job.jobId, 1), (message) => {
    seen.push(...message.frames.map(({ firstLine }) => firstLine));
  });
  await new WireAgent(t.url, token)
    .hello({ lost: [reference(job)] })
    .then(async (back) => await back.next('job.dispatch'));
  const [, last] = await framesAfter(t.db, job.jobId, 1, 0);
  const { header, compressed } = decodeFrame(last?.data ?? Buffer.alloc(0));
  expect(header).toMatchObject({ sequence: 2, firstLine: 2, lines: 1, runs: [[1, ahead, 3, 'kiln', -1, -1]] });
  expect(zstdDecompressSync(compressed).toString()).toBe(
    'agent wire came back without this job; what the job printed and the agent had not handed over by then is missing\n',
  );
  const [attempt] =
    await t.db`SELECT lines, last_sequence, status FROM attempts WHERE job_id = ${job.jobId} AND attempt = 1`;
  expect(attempt).toEqual({ lines: 2, lastSequence: 2, status: 'failed' });
  expect(seen).toEqual([2]);
});

test('an agent that is stopped in good order more often than it may be lost gets its job again all the same', async () => {
  const token = await t.enrolled();
  await testRun(t.db, testRecipe('long'));
  let agent = await new WireAgent(t.url, token).hello();
  t.queue();
  for (let attempt = 1; attempt <= 5; attempt++) {
    const job = await agent.next('job.dispatch');
    expect(job.attempt).toBe(attempt);
    agent.socket.terminate();
    agent = await new WireAgent(t.url, token).hello({ lost: [{ ...reference(job), stopped: true }] });
  }
});

test('a silent agent loses its job to another after the grace, and may not finish it late', async () => {
  await t.stop();
  t = await startTestGateway({ lostAgentGrace: '1s' });
  const token = await t.enrolled();
  const agent = await new WireAgent(t.url, token).hello({ slots: 1 });
  const { runId } = await testRun(t.db, testRecipe('long'));
  t.queue();
  const job = await agent.next('job.dispatch');
  agent.socket.terminate();
  const other = await t.agent();
  const again = await other.next('job.dispatch');
  expect(again).toMatchObject({ jobId: job.jobId, attempt: 2 });
  const late = await new WireAgent(t.url, token).hello({ running: [reference(job)] });
  expect((await late.next('welcome')).stop).toEqual([reference(job)]);
  late.say(completed(job, 0));
  await late.next('job.finished.ack');
  expect(await t.run(runId)).toMatchObject({ status: 'building' });
});

test('cancel reaches the agent at once and ends the run when it obeys', async () => {
  const agent = await t.agent();
  const { runId } = await testRun(t.db, testRecipe('long'));
  t.queue();
  const job = await agent.next('job.dispatch');
  agent.say({ type: 'job.building', ...reference(job), progress });
  expect(await requestCancel(t.db, runId, 'alice')).toEqual({ ok: true, status: 'cancelling' });
  t.context.bus.publish(SUBJECTS.cancel, {});
  expect(await agent.next('job.cancel')).toMatchObject({ jobId: job.jobId, reason: 'cancelled by alice' });
  agent.say({ ...completed(job, 0), outcome: 'cancelled' });
  await until('the run is cancelled', async () => (await t.run(runId))?.status === 'cancelled');
});

test.each([
  ['text that is not JSON', 'garbage'],
  ['JSON of another shape', '{"type":"job.finished"}'],
  ['bytes that are no frame', Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9])],
])('%s closes that socket and nothing else', async (_name, message) => {
  const agent = await t.agent();
  const other = await t.agent();
  agent.socket.send(message);
  await until('the socket is closed', () => agent.closed !== null);
  expect(agent.closed).toBe(4400);
  expect(other.socket.readyState).toBe(WebSocket.OPEN);
});

test('a gap in the frames closes the socket, so that the agent sends them again', async () => {
  const agent = await t.agent();
  await testRun(t.db, testRecipe('gap'));
  t.queue();
  const job = await agent.next('job.dispatch');
  agent.socket.send(frame(job, 2));
  await until('the socket is closed', () => agent.closed !== null);
  expect(await framesAfter(t.db, job.jobId, 1, 0)).toEqual([]);
});

test('nobody connects without a token of an agent', async () => {
  const { token } = await issueCredential(t.db, { kind: 'join', subject: 'test' });
  for (const wrong of ['nonsense', token]) {
    const socket = new WebSocket(`${t.url.replace('http', 'ws')}/agents/socket`, {
      headers: { authorization: `Bearer ${wrong}` },
    });
    const status = await new Promise((done) =>
      socket.on('unexpected-response', (_request, response) => done(response.statusCode)).on('error', () => {}),
    );
    expect(status).toBe(401);
  }
});

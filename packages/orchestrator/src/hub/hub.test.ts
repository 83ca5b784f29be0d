import { zstdCompressSync } from 'node:zlib';
import websocket from '@fastify/websocket';
import type { OrchestratorMessage } from '@kiln/protocol/agent-messages.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { encodeFrame } from '@kiln/protocol/frame.ts';
import { SUBJECTS } from '@kiln/protocol/live.ts';
import { loadConfig } from '@kiln/service/config.ts';
import { createHttp } from '@kiln/service/http.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { LocalBus } from '@kiln/store/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { issueCredential } from '@kiln/store/credentials.ts';
import { framesAfter } from '@kiln/store/frames.ts';
import { requestCancel } from '@kiln/store/runs.ts';
import { testJob, testRecipe, testRun } from '@kiln/store/test-run.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { registerFigures } from '../figures.ts';
import { startLeadership } from '../lead/leadership.ts';
import { startRetries } from '../runs/retries.ts';
import { startSweeper } from '../runs/sweeper.ts';
import { Hub } from './hub.ts';
import { registerAgentRoutes } from './routes.ts';

type Of<T extends OrchestratorMessage['type']> = Extract<OrchestratorMessage, { type: T }>;

let made: Awaited<ReturnType<typeof testDatabase>>;
let context: FarmContext;
let hub: Hub;
let url: string;
let recipes: CompiledRecipe[];

beforeEach(async () => {
  made = await testDatabase();
  const log = createLogger({ level: 'error', format: 'json', service: 'orchestrator', instance: 'test' });
  const config = await loadConfig({ dataDir: '/nonexistent', env: { KILN_ORCHESTRATOR_LOST_AGENT_GRACE: '1s' } });
  context = {
    config,
    log,
    db: made.db,
    bus: new LocalBus(),
    lifecycle: new Lifecycle(log),
    metrics: createMetrics('kiln_orch_'),
    service: 'orchestrator',
    instance: 'test',
  };
  recipes = [];
  hub = new Hub(
    context,
    () => recipes,
    registerFigures(context, () => hub),
  );
  const app = createHttp({ log, health: () => ({}), ready: async () => ({ ready: true, reasons: [] }) });
  await app.register(websocket, { options: { maxPayload: 4 * 1024 * 1024 } });
  registerAgentRoutes(app, context, hub);
  url = await app.listen({ host: '127.0.0.1', port: 0 });
  hub.turns.start();
  context.lifecycle.onStop('hub', async () => {
    await hub.stop();
    await app.close();
  });
  startSweeper(context, hub, await startLeadership(context));
  startRetries(context);
  context.lifecycle.loop(
    'queue',
    { everyMs: 5000, wake: (ring) => context.bus.subscribe(SUBJECTS.queue, ring) },
    async () => hub.turns.wake(),
  );
});
afterEach(async () => {
  await context.lifecycle.stop();
  await made.drop();
});

/** An agent at the wire: what it was told, and what it says. */
class WireAgent {
  readonly told: OrchestratorMessage[] = [];
  readonly socket: WebSocket;
  closed: number | null = null;
  #heard: () => void = () => {};

  constructor(token: string) {
    this.socket = new WebSocket(`${url.replace('http', 'ws')}/agents/socket`, {
      headers: { authorization: `Bearer ${token}` },
    });
    this.socket.on('message', (data) => {
      this.told.push(JSON.parse(String(data)));
      this.#heard();
    });
    this.socket.on('close', (code) => {
      this.closed = code;
      this.#heard();
    });
    this.socket.on('error', () => {});
  }

  async hello(more: object = {}): Promise<this> {
    await new Promise((done, fail) => this.socket.once('open', done).once('error', fail));
    this.say({
      type: 'hello',
      version: '0',
      name: 'wire',
      host: 'here',
      os: 'linux',
      arch: 'x64',
      labels: [],
      slots: 2,
      memory: 1,
      running: [],
      lost: [],
      ...more,
    });
    await this.next('welcome');
    return this;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  async next<T extends OrchestratorMessage['type']>(type: T, skip = 0): Promise<Of<T>> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const found = this.told.filter((message): message is Of<T> => message.type === type)[skip];
      if (found) return found;
      if (Date.now() > deadline) throw new Error(`no ${type} within 10 s; told: ${JSON.stringify(this.told)}`);
      await new Promise<void>((done) => {
        this.#heard = done;
        setTimeout(done, 200);
      });
    }
  }
}

async function enrolled(): Promise<string> {
  const { token } = await issueCredential(made.db, { kind: 'join', subject: 'test' });
  const response = await fetch(`${url}/agents/enrol`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{"name":"wire"}',
  });
  const body = (await response.json()) as { token: string };
  return body.token;
}

const progress = { percent: 0, text: '', phases: [] };
const reference = ({ jobId, attempt, fence }: { jobId: string; attempt: number; fence: number }) => ({
  jobId,
  attempt,
  fence,
});
const completed = (job: Of<'job.dispatch'>, lastSequence: number) => ({
  type: 'job.finished',
  ...reference(job),
  outcome: 'completed',
  failure: null,
  progress,
  lastSequence,
  commitTime: null,
});
const failed = (job: Of<'job.dispatch'>) => ({
  ...completed(job, 0),
  outcome: 'failed',
  failure: {
    class: 'Command Failed',
    message: 'step "make" ended with exit code 2',
    phase: 'build',
    step: 'make',
    line: 3,
    lineText: 'boom',
    exitCode: 2,
    signal: null,
  },
});

function frame(job: Of<'job.dispatch'>, sequence: number): Buffer {
  const header = {
    v: 1 as const,
    job: job.jobId,
    attempt: job.attempt,
    sequence,
    firstLine: sequence,
    lines: 1,
    bytes: 6,
    runs: [[1, Date.now(), 1, 'output', 0, 0] as [number, number, number, string, number, number]],
  };
  return Buffer.from(encodeFrame(header, zstdCompressSync('hello\n')));
}
const run = async (runId: string) =>
  (await made.db`SELECT status, attempt, retry_at, failure FROM runs WHERE run_id = ${runId}`)[0];
const until = async (check: () => Promise<boolean>) => {
  const deadline = Date.now() + 15_000;
  while (!(await check())) {
    if (Date.now() > deadline) throw new Error(`waited too long for ${check}`);
    await new Promise((done) => setTimeout(done, 20));
  }
};

test('a job goes from queue to completed, its frames acknowledged after they are stored', async () => {
  const agent = await new WireAgent(await enrolled()).hello();
  const { runId, requestId } = await testRun(made.db, testRecipe('hello'));
  context.bus.publish(SUBJECTS.queue, {});
  const job = await agent.next('job.dispatch');
  expect(job).toMatchObject({ runId, requestId, recipe: 'hello', version: '1.0', attempt: 1 });
  agent.say({ type: 'job.building', ...reference(job), progress });
  agent.socket.send(frame(job, 1));
  expect(await agent.next('log.ack')).toMatchObject({ jobId: job.jobId, sequence: 1 });
  expect(await framesAfter(made.db, job.jobId, 1, 0)).toHaveLength(1);
  agent.socket.send(frame(job, 2));
  agent.say(completed(job, 2));
  await agent.next('job.finished.ack');
  expect(await run(runId)).toMatchObject({ status: 'completed' });
  expect(await framesAfter(made.db, job.jobId, 1, 0)).toHaveLength(2);
});

test('a job that needs another is dispatched by the commit that ends the other', async () => {
  const agent = await new WireAgent(await enrolled()).hello();
  await testRun(made.db, testRecipe('chain', { jobs: [testJob('one'), testJob('two', { needs: ['one'] })] }));
  context.bus.publish(SUBJECTS.queue, {});
  const one = await agent.next('job.dispatch');
  agent.say(completed(one, 0));
  expect((await agent.next('job.dispatch', 1)).job.name).toBe('two');
});

test('a failed run is tried again on time', async () => {
  const agent = await new WireAgent(await enrolled()).hello();
  const { runId } = await testRun(made.db, testRecipe('flaky', { retries: { max: 1, backoffSeconds: [0.3] } }));
  context.bus.publish(SUBJECTS.queue, {});
  agent.say(failed(await agent.next('job.dispatch')));
  await agent.next('job.finished.ack');
  const after = await run(runId);
  expect(after).toMatchObject({
    status: 'failed',
    attempt: 1,
    failure: { message: 'step "make" ended with exit code 2' },
  });
  const due = after?.retryAt as Date;
  const again = await agent.next('job.dispatch', 1);
  expect(Date.now() - due.getTime()).toBeLessThan(1000);
  expect(again.attempt).toBe(2);
  agent.say(failed(again));
  await agent.next('job.finished.ack', 1);
  expect(await run(runId)).toMatchObject({ status: 'failed', attempt: 2, retryAt: null });
  expect((await made.db`SELECT failures, next_retry FROM backoff`)[0]).toEqual({ failures: 2, nextRetry: null });
});

test('an agent that reconnects goes on with its job after the last stored frame', async () => {
  const token = await enrolled();
  const agent = await new WireAgent(token).hello();
  await testRun(made.db, testRecipe('long'));
  context.bus.publish(SUBJECTS.queue, {});
  const job = await agent.next('job.dispatch');
  agent.say({ type: 'job.building', ...reference(job), progress });
  agent.socket.send(frame(job, 1));
  await agent.next('log.ack');
  agent.socket.terminate();
  const back = await new WireAgent(token).hello({ running: [reference(job)] });
  expect((await back.next('welcome')).adopted).toEqual([{ ...reference(job), lastSequence: 1 }]);
  back.socket.send(frame(job, 2));
  back.say(completed(job, 2));
  await back.next('job.finished.ack');
  expect((await framesAfter(made.db, job.jobId, 1, 0)).map((f) => f.sequence)).toEqual([1, 2]);
});

test('an agent that comes back without its job gives it to the queue again', async () => {
  const token = await enrolled();
  const agent = await new WireAgent(token).hello();
  await testRun(made.db, testRecipe('long'));
  context.bus.publish(SUBJECTS.queue, {});
  const job = await agent.next('job.dispatch');
  agent.socket.terminate();
  const back = await new WireAgent(token).hello({ lost: [reference(job)] });
  expect(await back.next('job.dispatch')).toMatchObject({ jobId: job.jobId, attempt: 2 });
});

test('a silent agent loses its job to another after the grace, and may not finish it late', async () => {
  const token = await enrolled();
  const agent = await new WireAgent(token).hello({ slots: 1 });
  const { runId } = await testRun(made.db, testRecipe('long'));
  context.bus.publish(SUBJECTS.queue, {});
  const job = await agent.next('job.dispatch');
  agent.socket.terminate();
  const other = await new WireAgent(await enrolled()).hello();
  const again = await other.next('job.dispatch');
  expect(again).toMatchObject({ jobId: job.jobId, attempt: 2 });
  const late = await new WireAgent(token).hello({ running: [reference(job)] });
  expect((await late.next('welcome')).stop).toEqual([reference(job)]);
  late.say(completed(job, 0));
  await late.next('job.finished.ack');
  expect(await run(runId)).toMatchObject({ status: 'building' });
});

test('cancel reaches the agent at once and ends the run when it obeys', async () => {
  const agent = await new WireAgent(await enrolled()).hello();
  const { runId } = await testRun(made.db, testRecipe('long'));
  context.bus.publish(SUBJECTS.queue, {});
  const job = await agent.next('job.dispatch');
  agent.say({ type: 'job.building', ...reference(job), progress });
  expect(await requestCancel(made.db, runId, 'alice')).toEqual({ ok: true, status: 'cancelling' });
  context.bus.publish(SUBJECTS.cancel, {});
  expect(await agent.next('job.cancel')).toMatchObject({ jobId: job.jobId, reason: 'cancelled by alice' });
  agent.say({ ...completed(job, 0), outcome: 'cancelled' });
  await until(async () => (await run(runId))?.status === 'cancelled');
});

test.each([
  ['text that is not JSON', 'garbage'],
  ['JSON of another shape', '{"type":"job.finished"}'],
  ['bytes that are no frame', Buffer.from([1, 2, 3, 4, 5, 6, 7, 8, 9])],
])('%s closes that socket and nothing else', async (_name, message) => {
  const agent = await new WireAgent(await enrolled()).hello();
  const other = await new WireAgent(await enrolled()).hello();
  agent.socket.send(message);
  await until(async () => agent.closed !== null);
  expect(agent.closed).toBe(4400);
  expect(other.socket.readyState).toBe(WebSocket.OPEN);
});

test('a gap in the frames closes the socket, so that the agent sends them again', async () => {
  const agent = await new WireAgent(await enrolled()).hello();
  await testRun(made.db, testRecipe('gap'));
  context.bus.publish(SUBJECTS.queue, {});
  const job = await agent.next('job.dispatch');
  agent.socket.send(frame(job, 2));
  await until(async () => agent.closed !== null);
  expect(await framesAfter(made.db, job.jobId, 1, 0)).toEqual([]);
});

test('nobody connects without a token of an agent', async () => {
  const { token } = await issueCredential(made.db, { kind: 'join', subject: 'test' });
  for (const wrong of ['nonsense', token]) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/agents/socket`, {
      headers: { authorization: `Bearer ${wrong}` },
    });
    const status = await new Promise((done) =>
      socket.on('unexpected-response', (_request, response) => done(response.statusCode)).on('error', () => {}),
    );
    expect(status).toBe(401);
  }
});

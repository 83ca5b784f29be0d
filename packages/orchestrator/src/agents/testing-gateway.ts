import { zstdCompressSync } from 'node:zlib';
import websocket from '@fastify/websocket';
import type { OrchestratorMessage } from '@kiln/protocol/agent-messages.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { encodeFrame, type FrameHeader } from '@kiln/protocol/frame.ts';
import { loadConfig } from '@kiln/service/config.ts';
import { createHttp } from '@kiln/service/http.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { endBrokenSocket } from '@kiln/service/socket-error.ts';
import { openBlobs } from '@kiln/store/blobs/open.ts';
import { LocalBus } from '@kiln/store/bus/local-bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { issueCredential } from '@kiln/store/credentials.ts';
import type { Database } from '@kiln/store/database.ts';
import { LogStore } from '@kiln/store/logs/log-store.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import WebSocket from 'ws';
import { startLeadership } from '../lead/leadership.ts';
import { registerArtifactRoutes } from '../publish/staging.ts';
import { startRetries } from '../runs/retries.ts';
import { AgentGateway } from './agent-gateway.ts';
import { registerMetrics } from './metrics.ts';
import { authenticateAgents, registerAgentRoutes } from './routes.ts';
import { startSweeper } from './sweeper.ts';

export type Told<T extends OrchestratorMessage['type']> = Extract<OrchestratorMessage, { type: T }>;

/** An orchestrator's side of the agents, listening, with a database of its own. */
export interface TestGateway {
  context: FarmContext;
  db: Database;
  gateway: AgentGateway;
  /** http address of the agents' routes. */
  url: string;
  recipes: CompiledRecipe[];
  /** A token for a new agent. */
  enrolled(): Promise<string>;
  /** A new agent that said hello. */
  agent(hello?: object): Promise<WireAgent>;
  /** Says that jobs wait. */
  queue(): void;
  /** The run as it stands. */
  run(runId: string): Promise<Record<string, unknown> | undefined>;
  stop(): Promise<void>;
}

/** Starts one. `lostAgentGrace` is how long an agent may be away; longer than any test takes when it is not given. */
export async function startTestGateway({ lostAgentGrace = '10m' } = {}): Promise<TestGateway> {
  const made = await testDatabase();
  const log = createLogger({ level: 'error', format: 'json', service: 'orchestrator', instance: 'test' });
  const config = await loadConfig({
    dataDir: '/nonexistent',
    env: { KILN_ORCHESTRATOR_LOST_AGENT_GRACE: lostAgentGrace },
  });
  const blobs = await openBlobs(config);
  const context: FarmContext = {
    config,
    log,
    db: made.db,
    bus: new LocalBus(log),
    blobs,
    logs: new LogStore({ db: made.db, blobs }),
    lifecycle: new Lifecycle(log),
    metrics: createMetrics('kiln_orch_'),
    service: 'orchestrator',
    instance: 'test',
  };
  const recipes: CompiledRecipe[] = [];
  const gateway: AgentGateway = new AgentGateway(
    context,
    () => recipes,
    registerMetrics(context, () => gateway),
  );
  const app = createHttp({ log, health: () => ({}), ready: async () => ({ ready: true, reasons: [] }) });
  await app.register(websocket, { options: { maxPayload: 4 * 1024 * 1024 }, errorHandler: endBrokenSocket });
  await authenticateAgents(app, context);
  registerAgentRoutes(app, context, gateway);
  registerArtifactRoutes(app, context);
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  gateway.committer.start();
  context.lifecycle.onStop('gateway', async () => {
    await gateway.stop();
    await app.close();
  });
  startSweeper(context, gateway, await startLeadership(context));
  startRetries(context);
  context.lifecycle.loop(
    'queue',
    { everyMs: 5000, wake: (ring) => context.bus.subscribe(SUBJECTS.queue, ring) },
    async () => gateway.committer.wake(),
  );
  const enrolled = async () => {
    const { token } = await issueCredential(made.db, { kind: 'join', subject: 'test' });
    const response = await fetch(`${url}/agents/enrol`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"name":"wire"}',
    });
    return ((await response.json()) as { token: string }).token;
  };
  return {
    context,
    db: made.db,
    gateway,
    url,
    recipes,
    enrolled,
    agent: async (hello = {}) => await new WireAgent(url, await enrolled()).hello(hello),
    queue: () => context.bus.publish(SUBJECTS.queue, {}),
    run: async (runId) =>
      (await made.db`SELECT status, attempt, retry_at, failure FROM runs WHERE run_id = ${runId}`)[0],
    async stop() {
      await context.lifecycle.stop();
      await made.drop();
    },
  };
}

/** How long a message may be waited for; it ends the wait of a broken test, not of a slow one. */
const NEXT_LIMIT_MS = 25_000;

/** An agent at the wire: what it was told, and what it says. */
export class WireAgent {
  readonly told: OrchestratorMessage[] = [];
  readonly socket: WebSocket;
  closed: number | null = null;
  #heard: () => void = () => {};

  constructor(url: string, token: string) {
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

  async opened(): Promise<this> {
    await new Promise((done, fail) => this.socket.once('open', done).once('error', fail));
    return this;
  }

  async hello(more: object = {}): Promise<this> {
    await this.opened();
    this.say({ ...HELLO, ...more });
    await this.next('welcome');
    return this;
  }

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  async next<T extends OrchestratorMessage['type']>(type: T, skip = 0): Promise<Told<T>> {
    const deadline = Date.now() + NEXT_LIMIT_MS;
    for (;;) {
      const found = this.told.filter((message): message is Told<T> => message.type === type)[skip];
      if (found) return found;
      if (Date.now() > deadline)
        throw new Error(`no ${type} within ${NEXT_LIMIT_MS} ms; told: ${JSON.stringify(this.told)}`);
      await new Promise<void>((done) => {
        this.#heard = done;
        setTimeout(done, 200);
      });
    }
  }
}

export const HELLO = {
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
};

export const progress = { percent: 0, text: '', phases: [] };

export function reference({ jobId, attempt, fence }: { jobId: string; attempt: number; fence: number }) {
  return { jobId, attempt, fence };
}

export function completed(job: Told<'job.dispatch'>, lastSequence: number) {
  const outcome = { outcome: 'completed', failure: null, progress, lastSequence, commitTime: null };
  return { type: 'job.finished', ...reference(job), ...outcome };
}

export function failed(job: Told<'job.dispatch'>) {
  return {
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
  };
}

/** A frame of one line; `more` changes what its header says. */
export function frame(
  job: { jobId: string; attempt: number },
  sequence: number,
  more: Partial<FrameHeader> = {},
): Buffer {
  const header: FrameHeader = {
    v: 1,
    job: job.jobId,
    attempt: job.attempt,
    sequence,
    firstLine: sequence,
    lines: 1,
    bytes: 6,
    runs: [[1, Date.now(), 1, 'output', 0, 0]],
    ...more,
  };
  return Buffer.from(encodeFrame(header, zstdCompressSync('hello\n')));
}

import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type AgentFinished,
  type AgentHello,
  AgentMessage,
  type AttemptReference,
  type JobDispatch,
  type OrchestratorMessage,
} from '@kiln/protocol/agent-messages.ts';
import { Compile } from 'typebox/compile';
import { type WebSocket, WebSocketServer } from 'ws';
import { linesOf, readFrame, type SeenFrame, type SeenLine } from './log-reader.ts';

const agentMessage = Compile(AgentMessage);

/** What came of one attempt. */
export interface SeenAttempt {
  frames: SeenFrame[];
  progress: Extract<AgentMessage, { type: 'job.progress' | 'job.building' }>[];
  finished: AgentFinished[];
}

type Message = Extract<AgentMessage, { type: string }>;

/**
 * An orchestrator as an agent sees it over the wire: a real WebSocket server that keeps what it hears and says what a
 * test tells it to. It checks every message against the protocol and every frame for its place.
 */
export class FakeOrchestrator {
  /** Whether frames and results are acknowledged as they come. */
  acknowledges = true;
  /** Whether a socket gets its welcome. */
  welcomes = true;
  readonly hellos: AgentHello[] = [];
  readonly others: Message[] = [];
  readonly artifacts = new Map<string, { bytes: Buffer; sha256: string }>();
  readonly joinToken = 'join-token-of-the-test';
  readonly tokens = new Map<string, string>();
  /** Answers that the next artifact uploads get instead of being taken. */
  readonly refusals: number[] = [];
  /** What agents did that no agent may do. */
  readonly offences: string[] = [];
  readonly #attempts = new Map<string, SeenAttempt>();
  readonly #held = new Map<string, AttemptReference>();
  readonly #listeners = new Set<() => void>();
  #server: Server | null = null;
  #sockets: WebSocketServer | null = null;
  #port = 0;

  /** Listens; after `close`, on the same port again. */
  async open(): Promise<this> {
    const server = createServer((request, response) => void this.#answer(request, response));
    const sockets = new WebSocketServer({ noServer: true });
    server.on('upgrade', (request, socket, head) => {
      const agentId = this.tokens.get(bearer(request));
      if (!agentId || request.url !== '/agents/socket') {
        socket.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\n\r\n');
        return;
      }
      sockets.handleUpgrade(request, socket, head, (ws) => this.#accept(ws, agentId));
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#sockets = sockets;
    return this;
  }

  get url(): string {
    return `ws://127.0.0.1:${this.#port}`;
  }

  /** How many sockets are open. */
  get connections(): number {
    return this.#sockets?.clients.size ?? 0;
  }

  /** Breaks every socket without a word. */
  breakConnections(): void {
    for (const socket of this.#sockets?.clients ?? []) socket.terminate();
  }

  async close(): Promise<void> {
    const server = this.#server;
    if (!server) return;
    this.#server = null;
    this.breakConnections();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }

  send(message: OrchestratorMessage | string): void {
    const text = typeof message === 'string' ? message : JSON.stringify(message);
    for (const socket of this.#sockets?.clients ?? []) socket.send(text);
  }

  dispatch(message: JobDispatch): SeenAttempt {
    const { jobId, attempt, fence } = message;
    this.#held.set(jobId, { jobId, attempt, fence });
    this.send(message);
    return this.attempt(message);
  }

  /** Forgets an attempt, so that the next welcome names it under `stop`. */
  release(jobId: string): void {
    this.#held.delete(jobId);
  }

  attempt({ jobId, attempt }: { jobId: string; attempt: number }): SeenAttempt {
    const key = `${jobId}.${attempt}`;
    const seen = this.#attempts.get(key) ?? { frames: [], progress: [], finished: [] };
    this.#attempts.set(key, seen);
    return seen;
  }

  lines(reference: { jobId: string; attempt: number }): SeenLine[] {
    return this.attempt(reference).frames.flatMap(linesOf);
  }

  /** The log as `zstd -d` would print it. */
  text(reference: { jobId: string; attempt: number }): string {
    return Buffer.concat(this.attempt(reference).frames.map(({ text }) => text)).toString('utf8');
  }

  /** Waits until `find` gives something, looking whenever an agent said something. */
  async until<T>(find: () => T | null | undefined | false, what: string, limitMs = 25_000): Promise<T> {
    const end = Date.now() + limitMs;
    for (;;) {
      const found = find();
      if (found !== null && found !== undefined && found !== false) return found;
      if (Date.now() > end) throw new Error(`${what} did not happen within ${limitMs} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, 50);
        const listeners = this.#listeners;
        function done() {
          clearTimeout(timer);
          listeners.delete(done);
          resolve();
        }
        listeners.add(done);
      });
    }
  }

  async finished(reference: { jobId: string; attempt: number }, limitMs?: number): Promise<AgentFinished> {
    return await this.until(() => this.attempt(reference).finished[0], 'the end of the job', limitMs);
  }

  acknowledge(reference: AttemptReference, sequence: number): void {
    this.send({ type: 'log.ack', ...reference, sequence });
  }

  #accept(socket: WebSocket, agentId: string): void {
    socket.on('error', () => {});
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      try {
        if (isBinary) this.#hearFrame(socket, data);
        else this.#hear(socket, agentId, data);
      } catch (error) {
        this.offences.push(error instanceof Error ? error.message : String(error));
        socket.close(4400);
      }
      for (const listener of [...this.#listeners]) listener();
    });
  }

  #hear(socket: WebSocket, agentId: string, data: Buffer): void {
    const message: unknown = JSON.parse(data.toString('utf8'));
    if (!agentMessage.Check(message)) throw new Error(`not a message of the protocol: ${data.toString('utf8')}`);
    if (message.type === 'hello') {
      this.hellos.push(message);
      if (this.welcomes) socket.send(JSON.stringify(this.#welcome(agentId, message)));
    } else if (message.type === 'job.building' || message.type === 'job.progress') {
      this.attempt(message).progress.push(message);
    } else if (message.type === 'job.finished') {
      this.#finish(socket, message);
    } else {
      this.others.push(message);
    }
  }

  #welcome(agentId: string, hello: AgentHello): OrchestratorMessage {
    const isHeld = (reference: AttemptReference) => this.#held.get(reference.jobId)?.fence === reference.fence;
    return {
      type: 'welcome',
      agentId,
      orchestrator: 'fake',
      adopted: hello.running
        .filter(isHeld)
        .map((reference) => ({ ...reference, lastSequence: this.attempt(reference).frames.length })),
      stop: hello.running.filter((reference) => !isHeld(reference)),
    };
  }

  #finish(socket: WebSocket, message: AgentFinished): void {
    const { jobId, attempt, fence } = message;
    const seen = this.attempt(message);
    if (seen.frames.length < message.lastSequence)
      throw new Error(`finished before frame ${message.lastSequence} came`);
    seen.finished.push(message);
    if (!this.acknowledges) return;
    this.#held.delete(jobId);
    socket.send(JSON.stringify({ type: 'job.finished.ack', jobId, attempt, fence }));
  }

  #hearFrame(socket: WebSocket, data: Buffer): void {
    const frame = readFrame(data);
    const { header } = frame;
    const { frames } = this.attempt({ jobId: header.job, attempt: header.attempt });
    if (header.sequence <= frames.length) return;
    if (header.sequence !== frames.length + 1) throw new Error(`frame ${header.sequence} came after ${frames.length}`);
    const last = frames.at(-1)?.header;
    const expected = last ? last.firstLine + last.lines : 1;
    if (header.firstLine !== expected) throw new Error(`line ${header.firstLine} came where ${expected} was due`);
    frames.push(frame);
    const held = this.#held.get(header.job);
    if (!this.acknowledges || !held) return;
    socket.send(JSON.stringify({ type: 'log.ack', ...held, sequence: header.sequence }));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const answer = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      for (const listener of [...this.#listeners]) listener();
    };
    const error = (status: number, message: string) => answer(status, { error: { code: 'refused', message } });
    if (request.url === '/agents/enrol') {
      if (bearer(request) !== this.joinToken) return error(401, 'a valid join token is needed');
      const identity = { agentId: randomUUID(), token: randomUUID() };
      this.tokens.set(identity.token, identity.agentId);
      return answer(200, identity);
    }
    const path = /^\/agents\/artifacts\/[^/]+\/\d+\/\d+\/(.+)$/.exec(request.url ?? '')?.[1];
    if (request.method !== 'PUT' || !path) return error(404, 'there is no such thing');
    if (!this.tokens.has(bearer(request))) return error(401, 'a valid agent token is needed');
    const refusal = this.refusals.shift();
    if (refusal) return error(refusal, 'refused by the test');
    const sha256 = createHash('sha256').update(body).digest('hex');
    if (sha256 !== request.headers['x-kiln-sha256']) return error(422, 'wrong digest');
    const name = path.split('/').map(decodeURIComponent).join('/');
    this.artifacts.set(name, { bytes: body, sha256 });
    return answer(200, { path: name, bytes: body.length, sha256 });
  }
}

function bearer(request: IncomingMessage): string {
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
}

import type { Duplex } from 'node:stream';
import type { WebSocket } from '@fastify/websocket';
import { type AgentHello, type AttemptReference, CLOSE, type Failure } from '@kiln/protocol/agent-messages.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { connectAgent, disconnectAgent } from '@kiln/store/agents.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { ClaimedJob } from '@kiln/store/runs/claim.ts';
import { heldAttempts } from '@kiln/store/runs/held-attempts.ts';
import type { Batch } from '../commit/batch.ts';
import { BatchCommitter } from '../commit/batch-committer.ts';
import type { Candidate, Committed } from '../commit/commit-batch.ts';
import { announce } from './announce.ts';
import { Connection, closeSocket } from './connection.ts';
import { dispatchMessage } from './dispatch.ts';
import { handleFrame, handleMessage, parseMessage } from './handle-message.ts';
import { agentLost, agentRefused, lastWords } from './lost.ts';

/** How long a connected agent may take to say hello. */
const HELLO_MS = 10_000;

/**
 * The agents' side of the orchestrator: who is connected, what each one holds. What agents say goes to the committer; what a
 * batch committed comes back here and is told to them.
 */
export class AgentGateway {
  readonly connections = new Map<string, Connection>();
  readonly committer: BatchCommitter;
  readonly #context: FarmContext;
  readonly #count: (batch: Batch, result: Committed) => void;

  constructor(
    context: FarmContext,
    recipes: () => readonly CompiledRecipe[],
    count: (batch: Batch, result: Committed) => void,
  ) {
    this.#context = context;
    this.#count = count;
    const { service, instance } = context;
    this.committer = new BatchCommitter(context.db, context.log, {
      candidates: () => this.#candidates(),
      author: () => ({ service, instance, recipes: recipes() }),
      committed: (batch, result) => this.#committed(batch, result),
      refused: (piece, error) => this.#refused(piece, error),
    });
  }

  /** Takes over the socket of an agent whose token was checked. The first message must be its hello. */
  accept(agentId: string, socket: WebSocket, wire: Duplex): void {
    const { log } = this.#context;
    let connection: Connection | 'greeting' | null = null;
    const late = setTimeout(() => socket.close(CLOSE.badMessage, 'no hello'), HELLO_MS);
    const greet = (hello: AgentHello): void => {
      clearTimeout(late);
      connection = 'greeting';
      this.#greet(new Connection(agentId, hello, socket, wire)).then(
        (greeted) => {
          connection = greeted;
          // It may have gone meanwhile, and nobody will say so again.
          if (!greeted.open) this.#left(greeted);
        },
        (err: unknown) => {
          log.error({ agentId, err }, 'agent could not be greeted');
          socket.close(1011, 'try again');
        },
      );
    };
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      // What comes while a refused socket closes is not heard.
      if (socket.readyState !== socket.OPEN) return;
      try {
        if (connection instanceof Connection) {
          if (isBinary) handleFrame(connection, data, this.committer);
          else handleMessage(connection, parseMessage(data), this.committer, log);
          return;
        }
        const hello = isBinary || connection ? null : parseMessage(data);
        if (hello?.type !== 'hello') throw new Error('an agent says hello first, then waits for its welcome');
        greet(hello);
      } catch (error) {
        const words = error instanceof Error ? error.message : String(error);
        log.warn({ agentId, error: words }, 'agent sent a bad message');
        closeSocket(socket, CLOSE.badMessage, words);
      }
    });
    socket.on('error', (err) => log.debug({ agentId, err }, 'agent socket error'));
    socket.on('close', () => {
      clearTimeout(late);
      if (connection instanceof Connection) this.#left(connection);
    });
  }

  /**
   * Ends an attempt whose agent can't go on with it; it is queued again while tries are left, and where the agent was
   * `stopped` in good order in any case.
   */
  lose({ jobId, attempt, fence }: AttemptReference, failure: Failure, stopped = false): void {
    const requeueBelow = stopped ? null : this.#context.config.orchestrator.lostAgentAttempts;
    const outcome = 'failed' as const;
    const said = { progress: null, lastSequence: 0, lastWords: lastWords(failure) };
    this.committer.finish({ jobId, attempt, fence, outcome, failure, requeueBelow, ...said });
  }

  /** Tells an agent that an attempt is not its own any more; whatever it still says about it is not heard. */
  abandon({ jobId, attempt, fence }: AttemptReference, agentId: string | null): void {
    const connection = agentId === null ? undefined : this.connections.get(agentId);
    connection?.held.delete(jobId);
    connection?.send({ type: 'job.stop', jobId, attempt, fence });
    this.committer.wake();
  }

  /** Closes every socket, so that agents look for another orchestrator, and commits what was said. */
  async stop(): Promise<void> {
    for (const connection of this.connections.values()) connection.close(CLOSE.goingAway, 'the orchestrator stops');
    await this.committer.stop();
  }

  #candidates(): Candidate[] {
    return [...this.connections.values()]
      .filter((connection) => connection.open)
      .map(({ agentId, hello, held }) => {
        const { name, labels, slots } = hello;
        return { agentId, name, labels, slots, held: new Set(held.keys()) };
      });
  }

  /** Compares what the agent runs with what the database says it holds: the same goes on, the rest ends on either side. */
  async #greet(connection: Connection): Promise<Connection> {
    const { db, instance, log, bus } = this.#context;
    const { agentId, hello } = connection;
    this.connections.get(agentId)?.close(CLOSE.replaced, 'the agent connected again');
    this.connections.delete(agentId);
    await connectAgent(db, agentId, hello, instance);
    const held = await heldAttempts(db, agentId);
    for (const { jobId, attempt, fence, lastSequence, lines } of held) {
      const runs = hello.running.some((r) => r.jobId === jobId && r.attempt === attempt && r.fence === fence);
      if (!runs) continue;
      const log = { received: lastSequence, nextLine: lines + 1, uncommitted: 0 };
      connection.held.set(jobId, { jobId, attempt, fence, ...log });
    }
    const adopted = held.filter((attempt) => connection.holding(attempt));
    const lost = held.filter((attempt) => !connection.holding(attempt));
    for (const attempt of lost) {
      const { jobId, fence } = attempt;
      const stopped = hello.lost.some((left) => left.stopped === true && left.jobId === jobId && left.fence === fence);
      this.lose(attempt, agentLost(hello.name, stopped ? 'was stopped' : 'came back without this job'), stopped);
    }
    connection.send({
      type: 'welcome',
      agentId,
      orchestrator: instance,
      adopted: adopted.map(({ jobId, attempt, fence, lastSequence }) => ({ jobId, attempt, fence, lastSequence })),
      stop: hello.running.filter((attempt) => !connection.holding(attempt)),
    });
    for (const { jobId, attempt, fence, status, cancelReason } of adopted) {
      if (status !== 'cancelling') continue;
      connection.send({ type: 'job.cancel', jobId, attempt, fence, reason: cancelReason ?? 'cancelled' });
    }
    // Another socket of the same agent may have been greeted meanwhile.
    this.connections.get(agentId)?.close(CLOSE.replaced, 'the agent connected again');
    this.connections.set(agentId, connection);
    const { name, slots } = hello;
    log.info({ agentId, name, slots, adopted: adopted.length, lost: lost.length }, 'agent connected');
    bus.publish(SUBJECTS.changed, { topic: 'agent', id: agentId });
    this.committer.wake();
    return connection;
  }

  #left(connection: Connection): void {
    const { db, instance, log, bus } = this.#context;
    const { agentId } = connection;
    if (this.connections.get(agentId) !== connection) return;
    this.connections.delete(agentId);
    log.info({ agentId, name: connection.hello.name, held: connection.held.size }, 'agent disconnected');
    disconnectAgent(db, agentId, instance).then(
      () => bus.publish(SUBJECTS.changed, { topic: 'agent', id: agentId }),
      (err: unknown) => log.warn({ agentId, err }, 'the departure of an agent was not written down'),
    );
  }

  #committed(batch: Batch, result: Committed): void {
    for (const { jobId, attempt, lastSequence } of result.stored) {
      const holder = this.#holderOf(jobId);
      const held = holder?.held.get(jobId);
      if (held?.attempt !== attempt) continue;
      holder?.send({ type: 'log.ack', jobId, attempt, fence: held.fence, sequence: lastSequence });
    }
    const stored = new Set(result.stored.map(({ jobId, attempt }) => `${jobId}.${attempt}`));
    for (const frame of batch.frames) {
      const held = this.#holderOf(frame.jobId)?.held.get(frame.jobId);
      if (held?.fence === frame.fence) held.uncommitted -= frame.data.length;
      if (!stored.has(`${frame.jobId}.${frame.attempt}`))
        this.abandon(frame, this.#holderOf(frame.jobId)?.agentId ?? null);
    }
    for (const finish of batch.finishes) {
      const { jobId, attempt, fence } = finish;
      const holder = this.#holderOf(jobId);
      if (!holder?.holding(finish)) continue;
      holder.held.delete(jobId);
      holder.send({ type: 'job.finished.ack', jobId, attempt, fence });
    }
    for (const { agentId, jobs } of result.claimed) for (const job of jobs) this.#dispatch(agentId, job);
    // A run that ended may make room under its recipe's limit.
    if (result.finalized.some((run) => run.outcome !== 'open')) this.committer.wake();
    this.#count(batch, result);
    announce(this.#context, batch, result);
  }

  #dispatch(agentId: string, job: ClaimedJob): void {
    const { jobId, attempt, fence } = job;
    const connection = this.connections.get(agentId);
    connection?.held.set(jobId, { jobId, attempt, fence, received: 0, nextLine: 1, uncommitted: 0 });
    if (connection?.send(dispatchMessage(job))) return;
    connection?.held.delete(jobId);
    this.lose(job, agentLost(connection?.hello.name ?? agentId, 'left before it got the job'));
  }

  #holderOf(jobId: string): Connection | undefined {
    for (const connection of this.connections.values()) if (connection.held.has(jobId)) return connection;
    return undefined;
  }

  /** Said again it would be refused again, so the attempt ends here; the agent's other ones go on. */
  #refused(piece: Batch, err: Error): void {
    const [item] = [...piece.frames, ...piece.reports, ...piece.finishes];
    if (!item) return;
    const { jobId, attempt, fence } = item;
    const holder = this.#holderOf(jobId);
    this.#context.log.error(
      { jobId, attempt, agentId: holder?.agentId, err },
      'the database refused what an agent said',
    );
    const code = 'code' in err && typeof err.code === 'string' ? err.code : err.name;
    const failure = agentRefused(holder?.hello.name ?? 'unknown', code);
    const outcome = 'failed' as const;
    const said = { progress: null, lastSequence: 0, lastWords: lastWords(failure) };
    this.committer.finish({ jobId, attempt, fence, outcome, failure, requeueBelow: 0, ...said });
    this.abandon(item, holder?.agentId ?? null);
  }
}

import type { AttemptReference, JobDispatch, OrchestratorMessage } from '@kiln/protocol/agent-messages.ts';
import { Attempt } from './job/attempt.ts';
import type { AttemptTools } from './job/attempt-tools.ts';
import type { Welcome } from './link/session.ts';

const RESULT_LOOK_MS = 20;

/** The attempts that the agent holds, and what the orchestrator says about them. */
export class Attempts {
  readonly #slots: number;
  readonly #tools: AttemptTools;
  readonly #held = new Map<string, Attempt>();
  #isClosed = false;

  constructor(slots: number, tools: AttemptTools) {
    this.#slots = slots;
    this.#tools = tools;
  }

  /** How many are being worked on. */
  get running(): number {
    return this.#all('running').length;
  }

  get spooledBytes(): number {
    return this.#all().reduce((sum, attempt) => sum + attempt.spooledBytes, 0);
  }

  /** The ones that run or whose result was not acknowledged. */
  references(): AttemptReference[] {
    return this.#all().map((attempt) => attempt.reference);
  }

  /** A new connection: goes on with what is still this agent's, and ends what is not. */
  welcomed({ adopted, stop }: Welcome): void {
    for (const reference of stop) this.#stop(this.#find(reference));
    const known = new Map(adopted.map((reference) => [keyOf(reference), reference.lastSequence]));
    // One that was not named goes on as well: if it is not ours any more, the answer to what it says will tell.
    for (const attempt of this.#all()) attempt.resume(known.get(keyOf(attempt.reference)) ?? 0);
  }

  obey(message: Exclude<OrchestratorMessage, Welcome>): void {
    if (message.type === 'job.dispatch') {
      this.#dispatch(message);
      return;
    }
    const attempt = this.#find(message);
    if (!attempt) {
      this.#tools.log.debug(
        { type: message.type, jobId: message.jobId, attempt: message.attempt },
        'attempt is not here',
      );
      return;
    }
    switch (message.type) {
      case 'log.ack':
        attempt.acknowledge(message.sequence);
        break;
      case 'job.cancel':
        attempt.cancel(message.reason);
        break;
      case 'job.stop':
        this.#stop(attempt);
        break;
      case 'job.finished.ack':
        attempt.resultAcknowledged();
        if (attempt.state === 'gone') this.#held.delete(keyOf(message));
    }
  }

  /** Ends everything that runs, and waits a little for results to be acknowledged while `isConnected`. */
  async close(isConnected: () => boolean, limitMs: number): Promise<void> {
    this.#isClosed = true;
    const running = this.#all('running');
    for (const attempt of running) attempt.abandon();
    await Promise.all(running.map(async (attempt) => await attempt.ended));
    for (const end = Date.now() + limitMs; Date.now() < end; ) {
      if (!isConnected() || this.#all('finished').length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, RESULT_LOOK_MS));
    }
  }

  #dispatch(message: JobDispatch): void {
    if (this.#isClosed || this.#held.has(keyOf(message))) return;
    for (const attempt of this.#all()) if (attempt.reference.jobId === message.jobId) this.#stop(attempt);
    const isFull = this.running >= this.#slots;
    const attempt = new Attempt(message, this.#tools);
    this.#held.set(keyOf(message), attempt);
    attempt.start(isFull ? { class: 'Agent Error', message: `all ${this.#slots} slots of the agent are taken` } : null);
    void attempt.ended.then(() => {
      if (attempt.state === 'gone') this.#held.delete(keyOf(message));
    });
  }

  /** Ends an attempt without a word. One that still runs is held until it is gone. */
  #stop(attempt: Attempt | undefined): void {
    attempt?.stop();
    if (attempt?.state === 'gone') this.#held.delete(keyOf(attempt.reference));
  }

  #find(reference: AttemptReference): Attempt | undefined {
    return this.#held.get(keyOf(reference));
  }

  #all(state?: Attempt['state']): Attempt[] {
    const held = [...this.#held.values()].filter((attempt) => attempt.state !== 'gone');
    return state ? held.filter((attempt) => attempt.state === state) : held;
  }
}

function keyOf({ jobId, attempt, fence }: AttemptReference): string {
  return `${jobId}.${attempt}.${fence}`;
}

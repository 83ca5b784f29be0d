import type { Duplex } from 'node:stream';
import type { WebSocket } from '@fastify/websocket';
import type { AgentHello, AttemptReference, OrchestratorMessage } from '@kiln/protocol/agent-messages.ts';
import { Corked } from '@kiln/service/corked.ts';

/** Pings come every five seconds: a link that says nothing for twenty is dead. */
const DEAD_AFTER_PINGS = 4;
/** Bytes that wait for an agent which does not read. Far more than the jobs of a busy one. */
const MOST_UNREAD = 64 * 1024 * 1024;
/** Bytes of one attempt's log that are not committed. An agent of Kiln's stops at a quarter of it. */
const MOST_UNCOMMITTED = 16 * 1024 * 1024;
/** Lines of its service log that an agent may have printed here at once, and then each second. */
const LOG_BURST = 2000;
const LOG_RATE = 200;
/** The protocol gives a reason 123 bytes. */
const LONGEST_REASON = 123;

/** An attempt that a connected agent holds. */
export interface Held extends AttemptReference {
  /** The last frame received from it, committed or about to be. */
  received: number;
  /** Number that its next line has. */
  nextLine: number;
  /** Bytes of frames received and not committed. */
  uncommitted: number;
}

/** Closes a socket with as much of a reason as the protocol has room for. */
export function closeSocket(socket: WebSocket, code: number, reason: string): void {
  // Whole characters only: what was cut through would be replaced by something longer.
  const cut = Buffer.from(reason.toWellFormed()).subarray(0, LONGEST_REASON);
  socket.close(code, cut.toString('utf8').replace(/\ufffd+$/, ''));
}

/** One agent's socket, from its hello to its end. */
export class Connection {
  readonly agentId: string;
  readonly hello: AgentHello;
  readonly held = new Map<string, Held>();
  readonly connectedAt = new Date();
  /** The agent's own metrics, as it pushed them last. */
  metricsText = '';
  readonly #socket: WebSocket;
  readonly #wire: Corked;
  /** Pings in a row that were not answered. */
  #unanswered = 0;
  #logRoom = LOG_BURST;
  #logAt = performance.now();
  #leftOut = 0;

  constructor(agentId: string, hello: AgentHello, socket: WebSocket, wire: Duplex) {
    this.agentId = agentId;
    this.hello = hello;
    this.#socket = socket;
    this.#wire = new Corked(wire);
    socket.on('pong', () => {
      this.#unanswered = 0;
    });
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** What it holds under this very fence, if it does. */
  holding({ jobId, attempt, fence }: AttemptReference): Held | undefined {
    const held = this.held.get(jobId);
    return held?.attempt === attempt && held.fence === fence ? held : undefined;
  }

  /**
   * Asks to print a line of its service log: an agent must not drown the log of everyone else. Null: this one is left
   * out. Otherwise how many were left out before it.
   */
  admitLine(): number | null {
    const now = performance.now();
    this.#logRoom = Math.min(LOG_BURST, this.#logRoom + ((now - this.#logAt) / 1000) * LOG_RATE);
    this.#logAt = now;
    // Once it said too much, it is heard again after a second's worth of silence.
    if (this.#logRoom < (this.#leftOut > 0 ? LOG_RATE : 1)) {
      this.#leftOut += 1;
      return null;
    }
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    this.#logRoom -= 1;
    return leftOut;
  }

  /** Counts the bytes of a frame until they are committed. Throws when an agent goes on without being answered. */
  owe(held: Held, bytes: number): void {
    held.uncommitted += bytes;
    if (held.uncommitted > MOST_UNCOMMITTED)
      throw new Error(`more than ${MOST_UNCOMMITTED} bytes of job ${held.jobId} were sent without an acknowledgement`);
  }

  /** Sends a message; false when the socket is closed already, or its other end does not read. */
  send(message: OrchestratorMessage): boolean {
    if (!this.open) return false;
    if (this.#socket.bufferedAmount > MOST_UNREAD) {
      this.#socket.terminate();
      return false;
    }
    this.#wire.gather();
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  close(code: number, reason: string): void {
    closeSocket(this.#socket, code, reason);
  }

  /** Pings; ends a link that left several pings unanswered, since its other end is gone. */
  checkAlive(): void {
    if (this.#unanswered >= DEAD_AFTER_PINGS) this.#socket.terminate();
    else if (this.open) this.#socket.ping();
    this.#unanswered++;
  }
}

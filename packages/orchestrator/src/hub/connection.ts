import type { WebSocket } from '@fastify/websocket';
import type { AgentHello, AttemptReference, OrchestratorMessage } from '@kiln/protocol/agent-messages.ts';

/** Pings come every five seconds: a link that says nothing for twenty is dead. */
const DEAD_AFTER_PINGS = 4;

/** An attempt that a connected agent holds. */
export interface Held extends AttemptReference {
  /** The last frame received from it, committed or about to be. */
  received: number;
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
  /** Pings in a row that were not answered. */
  #unanswered = 0;

  constructor(agentId: string, hello: AgentHello, socket: WebSocket) {
    this.agentId = agentId;
    this.hello = hello;
    this.#socket = socket;
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

  /** Sends a message; false when the socket is closed already. */
  send(message: OrchestratorMessage): boolean {
    if (!this.open) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason.slice(0, 120));
  }

  /** Pings; ends a link that left several pings unanswered, since its other end is gone. */
  checkAlive(): void {
    if (this.#unanswered >= DEAD_AFTER_PINGS) this.#socket.terminate();
    else if (this.open) this.#socket.ping();
    this.#unanswered++;
  }
}

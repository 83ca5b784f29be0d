import { type AgentHello, type AgentMessage, OrchestratorMessage } from '@kiln/protocol/agent-messages.ts';
import { Corked } from '@kiln/service/corked.ts';
import { Compile } from 'typebox/compile';
import WebSocket from 'ws';
import { messageOf, type ServiceLog } from '../service-log.ts';

/** Milliseconds between two looks whether the other side still answers, and how long it may be silent. */
export interface Keepalive {
  lookMs: number;
  silenceMs: number;
}
/** A dead link is seen within 25 s. */
const KEEPALIVE: Keepalive = { lookMs: 8000, silenceMs: 17_000 };
const HANDSHAKE_MS = 10_000;
/** From the hello to the welcome. */
const WELCOME_MS = 15_000;
const MESSAGE_LIMIT = 16 * 1024 * 1024;

const orchestratorMessage = Compile(OrchestratorMessage);

export type Welcome = Extract<OrchestratorMessage, { type: 'welcome' }>;

export interface SessionHandlers {
  hello: () => AgentHello;
  welcomed: (welcome: Welcome) => void;
  /** Every other message. */
  message: (message: Exclude<OrchestratorMessage, Welcome>) => void;
}

/** How a session ended: `refused` is the HTTP status when the socket was not even opened, 0 otherwise. */
export interface SessionEnd {
  refused: number;
  code: number;
  reason: string;
  wasWelcomed: boolean;
}

/** One WebSocket to an orchestrator, from its opening to its end. */
export class Session {
  /** Settles when it is over; never rejects. */
  readonly ended: Promise<SessionEnd>;
  readonly #socket: WebSocket;
  readonly #handlers: SessionHandlers;
  readonly #log: ServiceLog;
  readonly #keepalive: Keepalive;
  #isWelcomed = false;
  #wire: Corked | null = null;
  #lastHeard = performance.now();

  constructor(url: URL, token: string, handlers: SessionHandlers, log: ServiceLog, keepalive = KEEPALIVE) {
    this.#keepalive = keepalive;
    this.#handlers = handlers;
    this.#log = log;
    this.#socket = new WebSocket(url, {
      headers: { authorization: `Bearer ${token}` },
      handshakeTimeout: HANDSHAKE_MS,
      maxPayload: MESSAGE_LIMIT,
      perMessageDeflate: false,
      skipUTF8Validation: true,
    });
    this.ended = this.#follow();
  }

  get isWelcomed(): boolean {
    return this.#isWelcomed && this.#socket.readyState === WebSocket.OPEN;
  }

  send(message: AgentMessage): boolean {
    if (!this.isWelcomed) return false;
    this.#wire?.gather();
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  sendFrame(frame: Uint8Array): boolean {
    if (!this.isWelcomed) return false;
    this.#wire?.gather();
    this.#socket.send(frame, { binary: true });
    return true;
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** Ends it at once. */
  terminate(): void {
    this.#socket.terminate();
  }

  async #follow(): Promise<SessionEnd> {
    const socket = this.#socket;
    const end: SessionEnd = { refused: 0, code: 1006, reason: '', wasWelcomed: false };
    const timers: NodeJS.Timeout[] = [];
    await new Promise<void>((resolve) => {
      socket.once('upgrade', (response) => {
        this.#wire = new Corked(response.socket);
      });
      socket.once('open', () => {
        this.#heard();
        socket.send(JSON.stringify(this.#handlers.hello()));
        timers.push(setInterval(() => this.#look(), this.#keepalive.lookMs));
        timers.push(setTimeout(() => this.#isWelcomed || socket.terminate(), WELCOME_MS));
      });
      socket.on('ping', () => this.#heard());
      socket.on('pong', () => this.#heard());
      socket.on('message', (data, isBinary) => this.#receive(data, isBinary));
      socket.once('unexpected-response', (request, response) => {
        end.refused = response.statusCode ?? 0;
        end.reason = `answered with ${end.refused}`;
        request.destroy();
        resolve();
      });
      socket.on('error', (error) => {
        end.reason ||= error.message || String(error);
      });
      socket.once('close', (code, reason) => {
        end.code = code;
        end.reason ||= reason.toString('utf8') || `closed with code ${code}`;
        resolve();
      });
    });
    for (const timer of timers) clearTimeout(timer);
    end.wasWelcomed = this.#isWelcomed;
    return end;
  }

  #heard(): void {
    this.#lastHeard = performance.now();
  }

  #look(): void {
    if (performance.now() - this.#lastHeard > this.#keepalive.silenceMs) this.#socket.terminate();
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  /** What is not understood is told to the operator and passed over: a newer orchestrator may know more. */
  #receive(data: WebSocket.RawData, isBinary: boolean): void {
    this.#heard();
    const message = isBinary ? null : parse(data);
    if (!message) {
      const start = isBinary ? 'binary' : String(data).slice(0, 80);
      this.#log.warn({ message: start }, 'message of the orchestrator was not understood');
      return;
    }
    try {
      if (message.type === 'welcome') {
        this.#isWelcomed = true;
        this.#handlers.welcomed(message);
      } else {
        this.#handlers.message(message);
      }
    } catch (error) {
      this.#log.error(
        { error: messageOf(error), type: message.type },
        'message of the orchestrator could not be obeyed',
      );
    }
  }
}

function parse(data: WebSocket.RawData): OrchestratorMessage | null {
  try {
    const value: unknown = JSON.parse(String(data));
    return orchestratorMessage.Check(value) ? value : null;
  } catch {
    return null;
  }
}

import type { LiveMessage, LiveRequest } from '@kiln/protocol/live.ts';
import { readFrame } from '@kiln/store/logs/read-frame.ts';
import WebSocket from 'ws';
import { CliError, messageOf } from '../errors.ts';

/** What comes over the live socket: a message, a log frame as it is stored, the reader's own alarm, or the end with its reason. */
export type LiveEvent =
  | { kind: 'message'; message: LiveMessage }
  | { kind: 'frame'; frame: ReturnType<typeof readFrame>; data: Uint8Array }
  | { kind: 'wake' }
  | { kind: 'closed'; reason: string };

/** One live socket, read as a stream of events. */
export class LiveConnection {
  readonly #socket: WebSocket;
  readonly #waiting: LiveEvent[] = [];
  #wake: (() => void) | null = null;
  #closed = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data: Buffer, binary: boolean) => this.#hear(data, binary));
    socket.on('close', (code, reason) => {
      this.#push({ kind: 'closed', reason: reason.toString() || `the connection was closed (${code})` });
      this.#closed = true;
    });
    // A close always follows, and tells the end.
    socket.on('error', () => {});
  }

  /** Connects. Throws a CliError when the farm refuses or does not answer. */
  static async open(url: string, token: string): Promise<LiveConnection> {
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, perMessageDeflate: false });
    socket.binaryType = 'nodebuffer';
    const connection = new LiveConnection(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', (error) => reject(new CliError(`no live connection to ${url}: ${error.message}`)));
    });
    return connection;
  }

  send(request: LiveRequest): void {
    this.#socket.send(JSON.stringify(request));
  }

  /** The events in order. While many wait unread, the server is held back by the socket. Ends after `closed`. */
  async *events(): AsyncGenerator<LiveEvent> {
    for (;;) {
      const next = this.#waiting.shift();
      if (next) {
        if (this.#waiting.length === LOW_WATER) this.#socket.resume();
        yield next;
        if (next.kind === 'closed') return;
      } else if (this.#closed) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  /** Puts in an event of kind `wake`, unless others wait anyway. */
  wake(): void {
    if (this.idle) this.#push({ kind: 'wake' });
  }

  /** Whether everything that came was read. */
  get idle(): boolean {
    return this.#waiting.length === 0;
  }

  close(): void {
    this.#socket.close();
  }

  #hear(data: Buffer, binary: boolean): void {
    try {
      this.#push(parse(data, binary));
    } catch (error) {
      this.#push({ kind: 'closed', reason: `the farm sent what this version can't read: ${messageOf(error)}` });
      this.#socket.terminate();
    }
  }

  #push(event: LiveEvent): void {
    this.#waiting.push(event);
    if (this.#waiting.length === HIGH_WATER) this.#socket.pause();
    this.#wake?.();
    this.#wake = null;
  }
}

const HIGH_WATER = 64;
const LOW_WATER = 16;

function parse(data: Buffer, binary: boolean): LiveEvent {
  if (binary) return { kind: 'frame', frame: readFrame(data), data };
  return { kind: 'message', message: JSON.parse(data.toString()) };
}

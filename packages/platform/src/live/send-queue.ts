import type { Writable } from 'node:stream';
import type { WebSocket } from '@fastify/websocket';
import { LIVE_CLOSE, type LiveMessage } from '@kiln/protocol/live.ts';

/** Bytes that may wait in a socket before its reader counts as behind and is fed from the database. */
export const BEHIND_BYTES = 8 * 1024 * 1024;
/** A reader that is behind gets more when no more than this waits. */
const DRAINED_BYTES = 512 * 1024;
/** A reader that takes nothing for this long, although something waits, is let go. */
const STUCK_MS = 30_000;
/** Half of what proxies usually allow a connection to be silent. */
const PING_MS = 25_000;
/** How long a reader that was told to go may take to go. */
const CLOSE_LIMIT_MS = 5000;
/** Hints kept for a reader that is behind. */
const MISSED_HINTS = 1000;

/** The sending side of one live socket: knows how far its reader is behind, and keeps what waits bounded. */
export class SendQueue {
  readonly #socket: WebSocket;
  readonly #wire: Pick<Writable, 'cork' | 'uncork'> | null;
  readonly #missed = new Map<string, LiveMessage>();
  #waiting: (() => void)[] = [];
  #progressAt: number;
  #pingAt: number;
  #answeredAt: number;

  /** `wire` is what the socket writes to: with it, many messages are one write. */
  constructor(socket: WebSocket, now = Date.now(), wire: Pick<Writable, 'cork' | 'uncork'> | null = null) {
    this.#socket = socket;
    this.#wire = wire;
    this.#progressAt = now;
    this.#pingAt = now;
    this.#answeredAt = now;
    socket.on('pong', () => {
      this.#answeredAt = Date.now();
    });
    socket.on('close', () => this.#release());
  }

  get open(): boolean {
    return this.#socket.readyState === this.#socket.OPEN;
  }

  /** Whether so much waits already that nothing more should be sent for now. */
  get behind(): boolean {
    return this.#socket.bufferedAmount > BEHIND_BYTES;
  }

  message(message: LiveMessage): void {
    this.#send(JSON.stringify(message));
  }

  /** One stored frame, as it is. */
  frame(data: Uint8Array): void {
    this.#send(data);
  }

  /** A text message that is JSON already. */
  text(json: string): void {
    this.#send(json);
  }

  /** Text messages that are UTF-8 already, in one go. */
  texts(messages: readonly Uint8Array[]): void {
    if (this.#socket.bufferedAmount === 0) this.#progressAt = Date.now();
    this.#wire?.cork();
    const last = messages.length - 1;
    for (const [index, data] of messages.entries()) {
      if (!this.open) break;
      if (index === last) this.#socket.send(data, { binary: false }, () => this.#flushed());
      else this.#socket.send(data, { binary: false });
    }
    this.#wire?.uncork();
  }

  /** A message that may come later, and only once, when the reader is behind. `key` says which ones are the same. */
  hint(key: string, message: LiveMessage): void {
    if (!this.behind) this.message(message);
    else if (this.#missed.size < MISSED_HINTS) this.#missed.set(key, message);
  }

  /** Waits until little is left to be sent, or the socket is closed. */
  async drained(): Promise<void> {
    while (this.open && this.#socket.bufferedAmount > DRAINED_BYTES) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** To be called about once a second: pings, and lets a reader go that takes nothing or does not answer. */
  heartbeat(now = Date.now()): void {
    if (!this.open) return;
    if (this.#socket.bufferedAmount === 0) this.#progressAt = now;
    if (now - this.#progressAt > STUCK_MS) {
      this.close(LIVE_CLOSE.slow, 'the reader takes nothing');
      return;
    }
    if (now - this.#answeredAt > 2 * PING_MS + STUCK_MS) {
      this.#socket.terminate();
      return;
    }
    if (now - this.#pingAt < PING_MS) return;
    this.#pingAt = now;
    this.#socket.ping(undefined, undefined, () => this.#flushed());
  }

  /** Closes politely; a reader that does not take even that is cut off. */
  close(code: number, reason: string): void {
    if (!this.open) return;
    this.#socket.close(code, reason);
    const cut = setTimeout(() => this.#socket.terminate(), CLOSE_LIMIT_MS);
    cut.unref();
    this.#socket.once('close', () => clearTimeout(cut));
  }

  #send(data: string | Uint8Array): void {
    if (!this.open) return;
    if (this.#socket.bufferedAmount === 0) this.#progressAt = Date.now();
    this.#socket.send(data, { binary: typeof data !== 'string' }, () => this.#flushed());
  }

  #flushed(): void {
    this.#progressAt = Date.now();
    if (this.#socket.bufferedAmount > DRAINED_BYTES) return;
    for (const [key, message] of this.#missed) {
      this.#missed.delete(key);
      this.message(message);
    }
    this.#release();
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}

import { LIVE_CLOSE } from '@kiln/protocol/live.ts';
import type { BuildStreamMessage } from '@kiln/protocol/vm-build.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { SendQueue } from '../live/send-queue.ts';

/** Bytes of messages that may wait to be made before the reader counts as behind. */
const BEHIND_BYTES = 4 * 1024 * 1024;
/** Messages of any kind that may wait. Only a reader that asks and does not read comes so far. */
const MOST_ITEMS = 10_000;

interface Item {
  bytes: number;
  send: () => void | Promise<void>;
}

/**
 * What one reader of builds is sent, in order. Frames wait here as they are stored, and are unpacked one after the other when
 * their turn comes; so a reader costs what its socket holds, a few waiting frames and one that is unpacked.
 */
export class BuildSendQueue {
  readonly #queue: SendQueue;
  readonly #log: Logger;
  readonly #items: Item[] = [];
  readonly #waiting: (() => void)[] = [];
  #bytes = 0;
  #sending = false;

  constructor(queue: SendQueue, log: Logger) {
    this.#queue = queue;
    this.#log = log;
  }

  get open(): boolean {
    return this.#queue.open;
  }

  /** Whether so much waits that nothing more should be sent for now. */
  get behind(): boolean {
    return this.#bytes > BEHIND_BYTES || this.#queue.behind;
  }

  /** Says something when everything before it was sent. */
  message(message: BuildStreamMessage): void {
    this.later(() => this.now(message));
  }

  /** Does `send` when everything before it was sent. `bytes` is what it holds on to. */
  later(send: () => void | Promise<void>, bytes = 0): void {
    if (!this.open) return;
    if (this.#items.length >= MOST_ITEMS) {
      this.close(LIVE_CLOSE.slow, 'the reader takes nothing');
      return;
    }
    this.#items.push({ bytes, send });
    this.#bytes += bytes;
    if (!this.#sending) void this.#send();
  }

  /** To be called in what `later` does: says something in its place. */
  now(message: BuildStreamMessage): void {
    this.#queue.text(JSON.stringify(message));
  }

  /** To be called in what `later` does: messages that are made already. Settles when there is room for more. */
  async texts(messages: readonly Buffer[]): Promise<void> {
    this.#queue.texts(messages);
    if (this.#queue.behind) await this.#queue.drained();
  }

  /** Waits until little is left to be sent, or the socket is closed. Of several that wait, one goes at a time. */
  async drained(): Promise<void> {
    while (this.open && this.behind) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  close(code: number, reason: string): void {
    this.#queue.close(code, reason);
  }

  /** To be called about once a second, and when the socket closed. */
  heartbeat(now?: number): void {
    this.#queue.heartbeat(now);
    if (this.open) this.#waiting.shift()?.();
    else for (const resolve of this.#waiting.splice(0)) resolve();
  }

  async #send(): Promise<void> {
    this.#sending = true;
    try {
      for (let item = this.#items.shift(); item && this.open; item = this.#items.shift()) {
        if (this.#queue.behind) await this.#queue.drained();
        await item.send();
        this.#bytes -= item.bytes;
        if (!this.behind) this.#waiting.shift()?.();
      }
    } catch (error) {
      this.#log.warn({ err: error }, 'a stream of builds could not go on');
      this.close(1011, 'something went wrong; connect again');
    } finally {
      this.#sending = false;
      if (!this.open) {
        this.#items.length = 0;
        this.#bytes = 0;
      }
    }
  }
}

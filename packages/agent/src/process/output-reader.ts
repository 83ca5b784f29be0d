import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Takes what a command printed. False means: no more until you are told that there is room. */
export interface ChunkSink {
  write(chunk: Buffer): boolean;
}

/** One for all readers: each read fills it and hands it over within one turn of the event loop. */
const CHUNK = Buffer.allocUnsafeSlow(65_536);
const LOOK_MS = 20;

/** Reads a pipe to its end, as fast as the sink takes it. */
export class OutputReader {
  /** Settles when everybody who could write has closed the pipe, or after `destroy`. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  #paused = false;
  #isForced = false;
  #isEnded = false;

  constructor(readEnd: number, sink: ChunkSink) {
    this.#socket = new Socket({
      fd: readEnd,
      readable: true,
      writable: false,
      onread: {
        buffer: CHUNK,
        callback: (bytes) => {
          this.#paused = !sink.write(CHUNK.subarray(0, bytes)) && !this.#isForced;
          return !this.#paused;
        },
      },
    });
    this.ended = new Promise((resolve) => {
      this.#socket.once('close', () => {
        this.#isEnded = true;
        resolve();
      });
    });
    // The close that follows says all there is to say.
    this.#socket.on('error', () => {});
    this.#socket.resume();
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Goes on after the sink said that it had enough. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** Reads on even if the sink wants no more: for the rest of what a killed process printed, which is in the pipe. */
  force(): void {
    this.#isForced = true;
    this.resume();
  }

  /** Waits for the end, but no longer than `limitMs`, in which time that the sink wanted nothing does not count. */
  async drained(limitMs: number): Promise<boolean> {
    if (this.#isEnded) return true;
    const stop = new AbortController();
    const limit = this.#countDown(limitMs, stop.signal);
    await Promise.race([this.ended, limit]);
    stop.abort();
    return this.#isEnded;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  async #countDown(limitMs: number, signal: AbortSignal): Promise<void> {
    for (let left = limitMs; left > 0 && !signal.aborted; left -= this.#paused ? 0 : LOOK_MS) {
      await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
    }
  }
}

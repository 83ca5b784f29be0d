import { Spool, type StoredFrame } from './spool.ts';

/** Compressed frames that are kept in memory until they are acknowledged, in bytes for each job. */
export const WINDOW_BYTES = 4_194_304;

export interface WindowOptions {
  /** Sends a frame; false when there is nobody to send it to now. */
  send: (frame: Uint8Array) => boolean;
  /** Room was made, or a frame was sent. */
  onChange: () => void;
  /** The disk refused a frame; it stays in memory. */
  onRefused: (error: unknown) => void;
  /** A frame could not be read back: the log has lost it. */
  onLoss: (error: unknown) => void;
  spoolPath: string;
  /** Bytes on disk beyond which `full` holds; 0: nothing goes to disk. */
  spoolLimit: number;
  /** Default WINDOW_BYTES. */
  memoryLimit?: number;
}

/**
 * The frames of one attempt that are not acknowledged, in order: the oldest in memory, sent as soon as there is somebody
 * to send to; what does not fit there waits on disk. A frame leaves only when it was acknowledged.
 */
export class FrameWindow {
  readonly #options: WindowOptions;
  readonly #limit: number;
  readonly #spool: Spool;
  #memory: StoredFrame[] = [];
  #memoryBytes = 0;
  /** The last frame that was sent on the present connection. */
  #sent = 0;
  #acked = 0;
  #last = 0;
  #refilling = false;
  #closed = false;
  #broken = false;

  constructor(options: WindowOptions) {
    this.#options = options;
    this.#limit = options.memoryLimit ?? WINDOW_BYTES;
    this.#spool = new Spool(options.spoolPath, options.spoolLimit, options.onRefused);
  }

  /** Frames that are not acknowledged. */
  get unacknowledged(): number {
    return this.#memory.length + this.#spool.count + (this.#refilling ? 1 : 0);
  }

  /** Whether every frame was sent on the present connection. */
  get allSent(): boolean {
    const isWhole = this.#broken || (this.#spool.count === 0 && !this.#refilling);
    return isWhole && (this.#memory.at(-1)?.sequence ?? 0) <= this.#sent;
  }

  /** The last frame that was taken: all up to it are acknowledged or here. */
  get lastSequence(): number {
    return this.#last;
  }

  get spooledBytes(): number {
    return this.#spool.bytes;
  }

  /** Output should wait. What is pushed all the same is kept. */
  get full(): boolean {
    return this.#options.spoolLimit > 0 ? this.#spool.full : this.#memoryBytes >= this.#limit;
  }

  push(sequence: number, bytes: Uint8Array): void {
    if (this.#broken || this.#closed) return;
    this.#last = sequence;
    const fits = this.#memoryBytes + bytes.length <= this.#limit || this.#options.spoolLimit === 0;
    if (fits && this.#spool.count === 0 && !this.#refilling) {
      this.#keep({ sequence, bytes });
      this.#send();
    } else {
      void this.#spool.append(sequence, bytes).then(this.#options.onChange);
    }
  }

  /** Frames up to `sequence` are safe elsewhere. */
  acknowledge(sequence: number): void {
    this.#acked = Math.max(this.#acked, sequence);
    let count = 0;
    for (const frame of this.#memory) {
      if (frame.sequence > sequence) break;
      this.#memoryBytes -= frame.bytes.length;
      count++;
    }
    this.#memory.splice(0, count);
    this.#refill();
    this.#options.onChange();
  }

  /** There is a new connection, whose other end has the frames up to `lastSequence`: sends the ones after it. */
  resend(lastSequence: number): void {
    this.#sent = Math.max(lastSequence, this.#acked);
    this.acknowledge(lastSequence);
    this.#send();
    this.#options.onChange();
  }

  /** A frame is lost. None after it is ever sent, since a log with a hole is worse than one that ends early. */
  break(): void {
    this.#broken = true;
    this.#last = this.#memory.at(-1)?.sequence ?? this.#acked;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#memory = [];
    await this.#spool.close();
  }

  #keep(frame: StoredFrame): void {
    this.#memory.push(frame);
    this.#memoryBytes += frame.bytes.length;
  }

  #send(): void {
    for (const { sequence, bytes } of this.#memory) {
      if (sequence <= this.#sent) continue;
      if (!this.#options.send(bytes)) return;
      this.#sent = sequence;
    }
  }

  /** Brings frames back from the disk when half of the memory is free, so that they come in good pieces. */
  #refill(): void {
    if (
      this.#refilling ||
      this.#closed ||
      this.#broken ||
      this.#spool.count === 0 ||
      this.#memoryBytes > this.#limit / 2
    )
      return;
    this.#refilling = true;
    void this.#takeBack();
  }

  async #takeBack(): Promise<void> {
    try {
      for (const frame of await this.#spool.take(this.#limit - this.#memoryBytes)) this.#keep(frame);
    } catch (error) {
      this.break();
      this.#options.onLoss(error);
      return;
    } finally {
      this.#refilling = false;
    }
    if (this.#closed) return;
    this.#send();
    this.#refill();
    this.#options.onChange();
  }
}

import { type FileHandle, open, rm } from 'node:fs/promises';

/** Frames that wait for the disk may take this much memory; then the output has to wait too. */
const PENDING_LIMIT = 1_048_576;

interface Entry {
  sequence: number;
  offset: number;
  length: number;
  /** Until they are on the disk; for good when the disk refused them. */
  bytes: Uint8Array | null;
}

export interface StoredFrame {
  sequence: number;
  bytes: Uint8Array;
}

/** Frames on disk, first in, first out. The file exists only while it is needed. */
export class Spool {
  readonly #path: string;
  readonly #limit: number;
  readonly #onRefused: (error: unknown) => void;
  #file: FileHandle | null = null;
  #work: Promise<void> = Promise.resolve();
  #entries: Entry[] = [];
  #end = 0;
  #bytes = 0;
  #pending = 0;
  #closed = false;

  /** `limit` in bytes; `onRefused` hears of each write that the disk refused (the frame stays in memory then). */
  constructor(path: string, limit: number, onRefused: (error: unknown) => void) {
    this.#path = path;
    this.#limit = limit;
    this.#onRefused = onRefused;
  }

  /** Bytes that wait here, written or about to be. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#entries.length;
  }

  /** No more should be added before something is taken or written. What is added anyway is kept. */
  get full(): boolean {
    return this.#bytes >= this.#limit || this.#pending >= PENDING_LIMIT;
  }

  /** Adds a frame; settles when it is written or the disk refused it. */
  async append(sequence: number, bytes: Uint8Array): Promise<void> {
    const entry: Entry = { sequence, offset: this.#end, length: bytes.length, bytes };
    this.#entries.push(entry);
    this.#end += bytes.length;
    this.#bytes += bytes.length;
    this.#pending += bytes.length;
    await this.#next(async () => {
      try {
        if (this.#closed) return;
        this.#file ??= await open(this.#path, 'w+', 0o600);
        await writeAll(this.#file, bytes, entry.offset);
        entry.bytes = null;
        this.#pending -= entry.length;
      } catch (error) {
        this.#onRefused(error);
      }
    });
  }

  /** Takes the oldest frames, as many as `maxBytes` hold, but at least one. Throws when the file can't be read. */
  async take(maxBytes: number): Promise<StoredFrame[]> {
    const taken: StoredFrame[] = [];
    await this.#next(async () => {
      let count = 0;
      let bytes = 0;
      for (const { length } of this.#entries) {
        if (count > 0 && bytes + length > maxBytes) break;
        count++;
        bytes += length;
      }
      for (const entry of this.#entries.slice(0, count)) {
        taken.push({ sequence: entry.sequence, bytes: entry.bytes ?? (await this.#read(entry)) });
      }
      for (const entry of this.#entries.splice(0, count)) {
        this.#bytes -= entry.length;
        if (entry.bytes) this.#pending -= entry.length;
      }
      if (this.#entries.length === 0) await this.#reset();
    });
    return taken;
  }

  /** Removes the file; what it held is gone. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#entries = [];
    await this.#next(async () => await this.#reset());
  }

  /** One thing after the other; a failed one does not stop the next. */
  async #next(work: () => Promise<void>): Promise<void> {
    const turn = this.#work.then(work);
    this.#work = turn.then(
      () => {},
      () => {},
    );
    await turn;
  }

  async #read(entry: Entry): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafe(entry.length);
    const { bytesRead } = (await this.#file?.read(bytes, 0, entry.length, entry.offset)) ?? { bytesRead: 0 };
    if (bytesRead !== entry.length) {
      throw new Error(`${this.#path} ended before frame ${entry.sequence}: it was cut by someone else`);
    }
    return bytes;
  }

  async #reset(): Promise<void> {
    this.#end = 0;
    const file = this.#file;
    if (!file) return;
    this.#file = null;
    await file.close();
    await rm(this.#path, { force: true });
  }
}

async function writeAll(file: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, offset + written);
    written += bytesWritten;
  }
}

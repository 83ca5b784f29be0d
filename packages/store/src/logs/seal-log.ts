import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';
import { encodePackedFrame, type FrameHeader, packedHeader } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import type { BlobStore } from '../blobs/blob-store.ts';
import type { StoredFrame } from '../frames.ts';
import { free } from './free.ts';
import { OutlineBuilder } from './outline.ts';
import { openFrames, packFrames } from './pack-frames.ts';
import { encodeIndex, type SealedIndex } from './sealed-index.ts';
import type { SealedBlob } from './standing.ts';
import { verifySealed } from './verify-sealed.ts';

const compress = promisify(zstdCompress);

/**
 * Levels of zstd. Measured on logs of a build and of a million lines, with headers and index: 6 takes 0.87 to 1.02 of what
 * `zstd -3` makes of the whole text, at some 35 MB/s on a busy machine of two cores; 19 takes 0.73 to 0.86, at 1 MB/s.
 */
export const SEAL_LEVEL = 6;
export const ARCHIVE_LEVEL = 19;

/** A sealed log as it was written and checked. */
export interface SealedLog extends SealedBlob {
  lines: number;
  textBytes: number;
  frames: number;
  /** Of the text, in hex. */
  sha256: string;
}

export interface SealOrder {
  jobId: string;
  attempt: number;
  key: string;
  level: number;
  /** Aborted when it should be given up; the blob is then not there. */
  signal: AbortSignal;
}

/**
 * Writes frames into one blob, small ones merged, and reads all of it back. A few frames are in memory, whatever the size
 * of the log; what is heavy is done in other threads. Throws UnsealableLog when the frames are no log, and leaves no blob then.
 */
export async function sealLog(
  blobs: BlobStore,
  order: SealOrder,
  frames: AsyncIterable<StoredFrame>,
): Promise<SealedLog> {
  const writer = new SealWriter(order);
  const { bytes } = await blobs.put(order.key, writer.write(frames));
  const sealed = { ...writer.result(), bytes };
  await verifySealed(blobs, sealed, writer.index, order.signal);
  return sealed;
}

class SealWriter {
  readonly index: SealedIndex;
  readonly #order: SealOrder;
  readonly #outline = new OutlineBuilder();
  readonly #hash = createHash('sha256');
  #offset = 0;
  #indexBytes = 0;

  constructor(order: SealOrder) {
    const { jobId, attempt } = order;
    this.#order = order;
    const outline = this.#outline.outline();
    this.index = { v: 1, job: jobId, attempt, lines: 0, bytes: 0, frames: [], outline };
  }

  async *write(frames: AsyncIterable<StoredFrame>): AsyncGenerator<Uint8Array> {
    for await (const { header, text } of packFrames(openFrames(frames))) {
      this.#order.signal.throwIfAborted();
      this.#hash.update(text);
      const [packed, compressed] = await Promise.all([
        this.#compress(packedHeader(header), false),
        this.#compress(text, true),
      ]);
      const frame = encodePackedFrame(packed, compressed);
      this.#note(header, text.length, frame.length);
      for (const used of [text, packed, compressed]) free(used);
      yield frame;
    }
    this.index.outline = this.#outline.outline();
    const index = encodeIndex(this.index);
    this.#indexBytes = index.length;
    yield index;
  }

  result(): Omit<SealedLog, 'bytes'> {
    const { lines, bytes, frames } = this.index;
    return {
      key: this.#order.key,
      indexOffset: this.#offset,
      indexBytes: this.#indexBytes,
      lines,
      textBytes: bytes,
      frames: frames.length,
      sha256: this.#hash.digest('hex'),
    };
  }

  #note(header: FrameHeader, textBytes: number, bytes: number): void {
    const { firstLine, lines, runs } = header;
    const levels = LOG_LEVELS.map((_, level) => runs.reduce((sum, run) => (run[2] === level ? sum + run[0] : sum), 0));
    const firstTime = runs.reduce((least, run) => Math.min(least, run[1]), Number.MAX_SAFE_INTEGER);
    const lastTime = runs.reduce((most, run) => Math.max(most, run[1]), 0);
    this.index.frames.push([firstLine, lines, this.#offset, bytes, textBytes, firstTime, lastTime, levels]);
    this.index.lines += lines;
    this.index.bytes += textBytes;
    this.#outline.add(header);
    this.#offset += bytes;
  }

  async #compress(bytes: Uint8Array, checksum: boolean): Promise<Buffer> {
    return await compress(bytes, {
      params: {
        [constants.ZSTD_c_compressionLevel]: this.#order.level,
        [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0,
      },
      chunkSize: Math.max(16_384, bytes.length >> 2),
      // The size makes tables that fit it; a high level would otherwise take 80 MB of them.
      pledgedSrcSize: bytes.length,
    });
  }
}

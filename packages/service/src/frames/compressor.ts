import { constants, createZstdCompress, type ZstdCompress, type ZstdOptions, zstdCompressSync } from 'node:zlib';

/** A text of at most this size is stored as it is: a few lines hardly shrink, and setting up a compressor costs more. */
const TINY = 512;
/** Up to this size the trip to another thread takes longer than the work (about 40 µs). */
const SMALL = 16_384;
const OPTIONS: ZstdOptions = {
  params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
  chunkSize: 131_072,
};

/**
 * Makes zstd frames: at once for a small text, in another thread for a large one. All large ones of a job go through one
 * stream, whose memory (about 1 MB) would otherwise be taken and given back for each of them.
 */
export class Compressor {
  #stream: ZstdCompress | null = null;
  readonly #parts: Buffer[] = [];
  #work: Promise<unknown> = Promise.resolve();

  /** The frame of a text. Large ones are made one after the other. */
  compress(text: Buffer): Buffer | Promise<Buffer> {
    if (text.length <= TINY) return stored(text);
    if (text.length <= SMALL) return zstdCompressSync(text, OPTIONS);
    const frame = this.#work.then(async () => await this.#compressAside(text));
    this.#work = frame.catch(() => {});
    return frame;
  }

  close(): void {
    this.#stream?.destroy();
    this.#stream = null;
  }

  async #compressAside(text: Buffer): Promise<Buffer> {
    this.#stream ??= this.#open();
    const stream = this.#stream;
    await new Promise<void>((resolve, reject) => {
      stream.once('error', reject);
      stream.write(text);
      // Ends the frame, not the stream: the next text begins a new frame.
      stream.flush(constants.ZSTD_e_end, () => {
        stream.off('error', reject);
        resolve();
      });
    });
    // Hands over what still waits in the stream.
    stream.read();
    return Buffer.concat(this.#parts.splice(0));
  }

  #open(): ZstdCompress {
    return createZstdCompress(OPTIONS).on('data', (part: Buffer) => this.#parts.push(part));
  }
}

/** A zstd frame of one raw block (RFC 8878, 3.1.1): magic, descriptor, content size, block header, the text itself. */
function stored(text: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(12 + text.length);
  frame.writeUInt32LE(0xfd2fb528, 0);
  // Single segment, content size in four bytes, no checksum.
  frame[4] = 0b1010_0000;
  frame.writeUInt32LE(text.length, 5);
  // Last block, raw; its size in the upper 21 of 24 bits.
  frame.writeUIntLE((text.length << 3) | 1, 9, 3);
  text.copy(frame, 12);
  return frame;
}

import { promisify } from 'node:util';
import { constants, type ZstdOptions, zstdCompress, zstdCompressSync } from 'node:zlib';

const compressAside = promisify(zstdCompress);
/** A text of at most this size is stored as it is: a few lines hardly shrink, and setting up a compressor costs more. */
const TINY = 512;
/** Up to this size the trip to another thread takes longer than the work (about 40 µs). */
const SMALL = 16_384;
const PARAMS = {
  [constants.ZSTD_c_compressionLevel]: 1,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** One zstd frame that names its content's size: at once for a small text, in another thread for a large one. */
export function compress(text: Buffer): Buffer | Promise<Buffer> {
  if (text.length <= TINY) return stored(text);
  const options: ZstdOptions = { params: PARAMS, pledgedSrcSize: text.length, chunkSize: 65_536 };
  return text.length <= SMALL ? zstdCompressSync(text, options) : compressAside(text, options);
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

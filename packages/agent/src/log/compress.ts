import { promisify } from 'node:util';
import { constants, type ZstdOptions, zstdCompress, zstdCompressSync } from 'node:zlib';

const compressAside = promisify(zstdCompress);
/** Up to this size the trip to another thread takes longer than the work (about 40 µs). */
const SMALL = 16_384;
const PARAMS = {
  [constants.ZSTD_c_compressionLevel]: 1,
  [constants.ZSTD_c_checksumFlag]: 1,
};

/** One zstd frame with its content size and a checksum: at once for a small text, in another thread for a large one. */
export function compress(text: Buffer): Buffer | Promise<Buffer> {
  const options: ZstdOptions = { params: PARAMS, pledgedSrcSize: text.length, chunkSize: 65_536 };
  return text.length <= SMALL ? zstdCompressSync(text, options) : compressAside(text, options);
}

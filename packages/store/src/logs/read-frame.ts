import { promisify } from 'node:util';
import { zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { decodeFrame, type FrameHeader, type Inflate, MOST_FRAME_TEXT } from '@kiln/protocol/frame.ts';

const decompress = promisify(zstdDecompress);

/** Unpacks headers of sealed frames, for `decodeFrame`. At once: they are small. */
export const inflate: Inflate = (compressed, most) => zstdDecompressSync(compressed, { maxOutputLength: most });

/** The header of a frame, live or sealed, and its text still compressed. Throws FrameError. */
export function readFrame(data: Uint8Array): { header: FrameHeader; compressed: Uint8Array } {
  return decodeFrame(data, inflate);
}

/** Up to this size the way to another thread takes longer than the work: a page of a quiet log is some hundred such frames. */
const SMALL = 4096;

/**
 * The text of a frame, in another thread unless it is small. Rejects on broken bytes, and on more text than a frame may hold. `expected` is
 * about how many bytes it has: memory is then taken once, not in 64 pieces that are copied together.
 */
export async function inflateText(compressed: Uint8Array, expected = 16_384): Promise<Buffer> {
  const chunkSize = Math.min(MOST_FRAME_TEXT, Math.max(1024, expected + 64));
  if (expected <= SMALL && compressed.length <= SMALL)
    return zstdDecompressSync(compressed, { maxOutputLength: MOST_FRAME_TEXT, chunkSize });
  return await decompress(compressed, { maxOutputLength: MOST_FRAME_TEXT, chunkSize });
}

import type { FrameHeader } from '@kiln/protocol/frame.ts';

/**
 * Reads log frames in the browser: a zstd skippable frame that holds a JSON header, then a zstd frame of the lines'
 * text. The farm checked the header before it stored the frame, so this does not validate it again.
 */

const MAGIC = 0x184d2a5a;
const utf8 = new TextDecoder();

/** Splits a frame into its header and the compressed text (a view, not a copy). Throws a TypeError on other bytes. */
export function readFrame(frame: Uint8Array): { header: FrameHeader; compressed: Uint8Array } {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  if (frame.length < 8 || view.getUint32(0, true) !== MAGIC) throw new TypeError('these bytes are not a log frame');
  const end = 8 + view.getUint32(4, true);
  if (end > frame.length) throw new TypeError('the log frame ends within its header');
  return { header: JSON.parse(utf8.decode(frame.subarray(8, end))) as FrameHeader, compressed: frame.subarray(end) };
}

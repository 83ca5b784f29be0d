import type { FrameHeader } from '@kiln/protocol/frame.ts';
import { type PackedHeader, unpackHeader } from '@kiln/protocol/packed-header.ts';
import { decompress } from 'fzstd';

/**
 * Reads log frames in the browser: a zstd skippable frame that holds a JSON header, then a zstd frame of the lines'
 * text. In a sealed log the header is packed and compressed itself. The farm checked the header before it stored the frame, so this does
 * not validate it again.
 */

const PLAIN = 0x184d2a5a;
const PACKED = 0x184d2a5b;
const utf8 = new TextDecoder();

/** A frame taken apart; `compressed` is a view of the text's bytes, not a copy. */
export interface ReadFrame {
  header: FrameHeader;
  compressed: Uint8Array;
}

/** Splits a frame into its header and the compressed text. Throws a TypeError on other bytes. */
export function readFrame(frame: Uint8Array): ReadFrame {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const magic = frame.length < 8 ? 0 : view.getUint32(0, true);
  if (magic !== PLAIN && magic !== PACKED) throw new TypeError('these bytes are not a log frame');
  const end = 8 + view.getUint32(4, true);
  if (end > frame.length) throw new TypeError('the log frame ends within its header');
  const stored = frame.subarray(8, end);
  const header =
    magic === PLAIN
      ? (JSON.parse(utf8.decode(stored)) as FrameHeader)
      : unpackHeader(JSON.parse(utf8.decode(decompress(stored))) as PackedHeader);
  return { header, compressed: frame.subarray(end) };
}

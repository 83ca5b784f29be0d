import { zstdDecompressSync } from 'node:zlib';
import { decodeFrame, type FrameHeader } from '@kiln/protocol/frame.ts';

/** A line of a log as a reader sees it. */
export interface SeenLine {
  /** Latin1: one character a byte. */
  bytes: string;
  text: string;
  level: number;
  component: string;
  phase: number;
  step: number;
  time: number;
}

export interface SeenFrame {
  header: FrameHeader;
  text: Buffer;
}

/** Takes a frame apart. Throws when its header does not tell the truth about its text. */
export function readFrame(bytes: Uint8Array): SeenFrame {
  const { header, compressed } = decodeFrame(bytes);
  const text = zstdDecompressSync(compressed);
  if (text.length !== header.bytes) throw new Error(`a frame of ${text.length} bytes says ${header.bytes}`);
  const lines = text.toString('latin1').split('\n').length - 1;
  if (lines !== header.lines || text.at(-1) !== 10) throw new Error(`a frame of ${lines} lines says ${header.lines}`);
  return { header, text };
}

/** The lines of a frame. */
export function linesOf({ header, text }: SeenFrame): SeenLine[] {
  const texts = text.toString('latin1').split('\n').slice(0, -1);
  return header.runs.flatMap(([count, time, level, component, phase, step]) =>
    texts.splice(0, count).map((bytes) => {
      return { bytes, text: Buffer.from(bytes, 'latin1').toString('utf8'), level, component, phase, step, time };
    }),
  );
}

import type { LogCopy } from '@kiln/protocol/bus.ts';

/** A frame that was committed. */
export interface LiveFrame {
  firstLine: number;
  lines: number;
  data: Uint8Array;
}

/** The message that carries frames of an attempt to those who follow its log. */
export function logCopy(frames: readonly LiveFrame[]): LogCopy {
  return {
    frames: frames.map(({ firstLine, lines, data }) => ({
      firstLine,
      lines,
      data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    })),
    end: false,
  };
}

/** The frames of such a message. */
export function copiedFrames({ frames }: LogCopy): LiveFrame[] {
  return frames.map(({ firstLine, lines, data }) => ({ firstLine, lines, data: Buffer.from(data, 'base64') }));
}

/** The message that an attempt ended. */
export const LOG_END: LogCopy = { frames: [], end: true };

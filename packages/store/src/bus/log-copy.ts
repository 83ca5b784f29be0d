import type { LogCopy } from '@kiln/protocol/bus.ts';

/** A frame that was committed. */
export type LiveFrame = LogCopy['frames'][number];

/** The message that carries frames of an attempt to those who follow its log. */
export function logCopy(frames: readonly LiveFrame[]): LogCopy {
  return { frames: frames.map(({ firstLine, lines, data }) => ({ firstLine, lines, data })), end: false };
}

/** The message that an attempt ended. */
export const LOG_END: LogCopy = { frames: [], end: true };

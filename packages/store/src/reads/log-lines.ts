import { promisify } from 'node:util';
import { zstdDecompress } from 'node:zlib';
import type { LogLine } from '@kiln/protocol/api.ts';
import { decodeFrame, type FrameHeader, MOST_FRAME_TEXT } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import type { StoredFrame } from '../frames.ts';

const decompress = promisify(zstdDecompress);

/** The text of a stored frame, each line ended by a newline. One whose bytes can't be read gives as many lines that say so. */
export async function frameText(frame: StoredFrame): Promise<Buffer> {
  try {
    return await textOf(decodeFrame(frame.data).compressed);
  } catch (error) {
    return Buffer.from(`${unreadable(frame, error)}\n`.repeat(frame.lines));
  }
}

/** The lines of a stored frame. One whose bytes can't be read gives as many lines that say so: the numbers after it stay right. */
export async function frameLines(frame: StoredFrame): Promise<LogLine[]> {
  try {
    const { header, compressed } = decodeFrame(frame.data);
    return linesOf(header, (await textOf(compressed)).toString('utf8').split('\n'));
  } catch (error) {
    return Array.from({ length: frame.lines }, (_, index) => ({
      line: frame.firstLine + index,
      time: new Date(0).toISOString(),
      level: 'ERROR',
      component: 'kiln',
      phase: -1,
      step: -1,
      text: unreadable(frame, error),
    }));
  }
}

async function textOf(compressed: Uint8Array): Promise<Buffer> {
  return await decompress(compressed, { maxOutputLength: MOST_FRAME_TEXT });
}

function unreadable(frame: StoredFrame, error: unknown): string {
  return `[frame ${frame.sequence} of this log can't be read: ${error instanceof Error ? error.message : String(error)}]`;
}

function linesOf(header: FrameHeader, texts: readonly string[]): LogLine[] {
  const lines: LogLine[] = [];
  for (const [count, time, level, component, phase, step] of header.runs) {
    const shared = {
      time: new Date(time).toISOString(),
      level: LOG_LEVELS[level] ?? 'INFO',
      component,
      phase,
      step,
    };
    for (let n = 0; n < count; n++) {
      lines.push({ line: header.firstLine + lines.length, ...shared, text: texts[lines.length] ?? '' });
    }
  }
  return lines;
}

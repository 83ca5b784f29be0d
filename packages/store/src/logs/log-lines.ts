import type { LogLine } from '@kiln/protocol/api.ts';
import type { FrameHeader } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import type { StoredFrame } from '../frames.ts';
import { inflateText, readFrame } from './read-frame.ts';

/** The text of a stored frame, each line ended by a newline. One whose bytes can't be read gives as many lines that say so. */
export async function frameText(frame: StoredFrame): Promise<Buffer> {
  try {
    const { header, compressed } = readFrame(frame.data);
    return await inflateText(compressed, header.bytes);
  } catch (error) {
    return Buffer.from(`${unreadable(frame, error)}\n`.repeat(frame.lines));
  }
}

/**
 * The lines of a stored frame, from line `first` to line `last` of the log at most. One whose bytes can't be read gives
 * as many lines that say so: the numbers after it stay right.
 */
export async function frameLines(
  frame: StoredFrame,
  first = frame.firstLine,
  last = frame.firstLine + frame.lines - 1,
): Promise<LogLine[]> {
  try {
    const { header, compressed } = readFrame(frame.data);
    return linesOf(header, (await inflateText(compressed, header.bytes)).toString('utf8').split('\n'), first, last);
  } catch (error) {
    const text = unreadable(frame, error);
    const from = Math.max(first, frame.firstLine);
    const count = Math.min(last, frame.firstLine + frame.lines - 1) - from + 1;
    return Array.from({ length: Math.max(0, count) }, (_, index) => ({ ...UNREADABLE, line: from + index, text }));
  }
}

const UNREADABLE = { time: new Date(0).toISOString(), level: 'ERROR', component: 'kiln', phase: -1, step: -1 };

function unreadable(frame: StoredFrame, error: unknown): string {
  return `[frame ${frame.sequence} of this log can't be read: ${error instanceof Error ? error.message : String(error)}]`;
}

function linesOf(header: FrameHeader, texts: readonly string[], first: number, last: number): LogLine[] {
  const lines: LogLine[] = [];
  let line = header.firstLine;
  for (const [count, time, level, component, phase, step, context] of header.runs) {
    const from = Math.max(line, first);
    const to = Math.min(line + count - 1, last);
    line += count;
    if (from > to) continue;
    const place = { component, phase, step, ...(context === undefined ? {} : { context }) };
    const shared = { time: new Date(time).toISOString(), level: LOG_LEVELS[level] ?? 'INFO', ...place };
    for (let n = from; n <= to; n++) lines.push({ line: n, ...shared, text: texts[n - header.firstLine] ?? '' });
    if (line > last) break;
  }
  return lines;
}

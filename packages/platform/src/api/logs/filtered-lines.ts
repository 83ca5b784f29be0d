import type { LogLine } from '@kiln/protocol/api.ts';
import { FrameError } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import type { StoredFrame } from '@kiln/store/frames.ts';
import { frameLines } from '@kiln/store/logs/log-lines.ts';
import type { LogStore } from '@kiln/store/logs/log-store.ts';
import { readFrame } from '@kiln/store/logs/read-frame.ts';
import type { LogStanding } from '@kiln/store/logs/standing.ts';
import { type LogFilter, passes, passesAll } from '../../search/filter.ts';
import { lineRange } from '../../search/line-range.ts';

const LEVELS: readonly string[] = LOG_LEVELS;
/** Stored bytes that one request for a page looks at: some 40 MB of text, or a tenth of a second. */
const PAGE_BYTES = 8_388_608;
/** A page's text is cut after the line that passes this many characters. */
const PAGE_TEXT = 4_194_304;

export interface FilteredPage {
  lines: LogLine[];
  /** The line to go on with; one more than the last when the log was read to its end, null when nothing can follow. */
  next: number | null;
}

/** The lines of a frame that pass. When none does, by its header, its text is not unpacked. */
export async function passingLines(frame: StoredFrame, filter: LogFilter): Promise<LogLine[]> {
  if (passesAll(filter)) return await frameLines(frame);
  if (!mayPass(frame, filter)) return [];
  return (await frameLines(frame)).filter(({ time, level, component, phase, step }) =>
    passes(filter, [1, Date.parse(time), LEVELS.indexOf(level), component, phase, step]),
  );
}

/** Up to `limit` lines that pass, from line `from` on. The page ends early when it took too much work; `next` says where. */
export async function filteredPage(
  logs: LogStore,
  jobId: string,
  standing: LogStanding,
  filter: LogFilter,
  { from, limit }: { from: number; limit: number },
): Promise<FilteredPage> {
  const { first, last } = await lineRange(logs, jobId, standing, filter, from);
  const lines: LogLine[] = [];
  let bytes = 0;
  let text = 0;
  let next = first;
  // Lines after `until` are there already: none before it will come.
  const end = last < standing.lines || standing.finished ? null : Math.max(first, standing.lines + 1);
  if (first > last) return { lines, next: end };
  for await (const frame of logs.framesFromLine(jobId, standing, first)) {
    if (frame.firstLine > last) break;
    for (const line of await passingLines(frame, filter)) {
      if (line.line < first || line.line > last) continue;
      if (lines.length === limit || text > PAGE_TEXT) return { lines, next: line.line };
      lines.push(line);
      text += line.text.length;
    }
    next = frame.firstLine + frame.lines;
    bytes += frame.data.length;
    if (next <= last && bytes >= PAGE_BYTES) return { lines, next };
  }
  return { lines, next: end };
}

/** What can't be read is shown, whatever the filter: it may have passed. */
function mayPass(frame: StoredFrame, filter: LogFilter): boolean {
  try {
    return readFrame(frame.data).header.runs.some((run) => passes(filter, run));
  } catch (error) {
    if (error instanceof FrameError) return true;
    throw error;
  }
}

import type { LogHit, LogSearchMessage } from '@kiln/protocol/log-api.ts';
import type { StoredFrame } from '@kiln/store/frames.ts';
import type { LogStore } from '@kiln/store/logs/log-store.ts';
import type { LogStanding } from '@kiln/store/logs/standing.ts';
import { ContextLines } from './context-lines.ts';
import type { LogFilter } from './filter.ts';
import { lineRange } from './line-range.ts';
import type { SearchPattern } from './pattern.ts';
import type { SearchLane, TaskOutcome } from './pool.ts';
import { packFrames } from './task.ts';

export interface LogSearch {
  logs: LogStore;
  jobId: string;
  standing: LogStanding;
  filter: LogFilter;
  pattern: SearchPattern;
  /** First line that may be a hit. */
  from: number;
  context: number;
  /** Hits that are sent; fewer when their context would be more than MOST_LINES together. */
  limit: number;
}

/** The most lines that one search sends, hits and context together: some 10 MB. */
const MOST_LINES = 100_000;

/**
 * A task ends with the frame that brings it to so many stored bytes, lines or frames: some ten milliseconds of work, so
 * that handing it over costs little beside it.
 */
const TASK_BYTES = 524_288;
const TASK_LINES = 25_000;
const TASK_FRAMES = 64;
/** Tasks given to the pool and not answered: enough for two threads to find the next one while the log is being read. */
const MOST_IN_FLIGHT = 8;
const PROGRESS_MS = 250;

/**
 * Searches a log as far as it was written when it was asked for. Yields what there is to say, several messages at once;
 * the last one is `end` or `error`. Stops when the caller does. Throws what reading the log throws.
 */
export async function* searchLog(search: LogSearch, lane: SearchLane): AsyncGenerator<LogSearchMessage[]> {
  const { standing, context } = search;
  const limit = Math.min(search.limit, Math.floor(MOST_LINES / (2 * context + 1)));
  const lines = new ContextLines(context);
  const inFlight: { through: number; outcome: Promise<TaskOutcome> }[] = [];
  let hits = 0;
  let sent = 0;
  let reportedAt = Date.now();
  const send = (found: LogHit[]): LogHit[] => {
    const wanted = found.slice(0, limit - sent);
    sent += wanted.length;
    return wanted;
  };
  /** Waits for the oldest task; `failed` when the search is over. */
  const next = async (): Promise<{ messages: LogSearchMessage[]; failed: boolean }> => {
    const oldest = inFlight.shift();
    if (!oldest) return { messages: [], failed: false };
    const outcome = await oldest.outcome;
    if (!outcome.ok) {
      return { messages: [{ type: 'error', code: outcome.code, message: outcome.message }], failed: true };
    }
    hits += outcome.result.count;
    const messages: LogSearchMessage[] = send(lines.add(outcome.result));
    if (Date.now() - reportedAt >= PROGRESS_MS) {
      reportedAt = Date.now();
      messages.push({ type: 'progress', lines: oldest.through, total: standing.lines, hits });
    }
    return { messages, failed: false };
  };

  const { first, last } = await lineRange(search.logs, search.jobId, standing, search.filter, search.from);
  for await (const frames of pieces(search, first - context, last + context)) {
    const through = (frames.at(-1)?.firstLine ?? 0) + (frames.at(-1)?.lines ?? 0) - 1;
    const { pattern, filter } = search;
    const most = Math.max(0, limit - sent);
    inFlight.push({
      through,
      outcome: lane.run({ ...packFrames(frames), pattern, filter, firstLine: first, lastLine: last, most, context }),
    });
    if (inFlight.length < MOST_IN_FLIGHT) continue;
    const { messages, failed } = await next();
    if (messages.length > 0) yield messages;
    if (failed) return;
  }
  while (inFlight.length > 0) {
    const { messages, failed } = await next();
    if (messages.length > 0) yield messages;
    if (failed) return;
  }
  yield [...send(lines.end()), { type: 'end', hits, lines: standing.lines, complete: standing.finished }];
}

/** The frames of these lines in pieces for the pool; the first are small, so that their hits are seen at once. */
async function* pieces(
  { logs, jobId, standing }: LogSearch,
  first: number,
  last: number,
): AsyncGenerator<StoredFrame[]> {
  let piece: StoredFrame[] = [];
  let bytes = 0;
  let lines = 0;
  let most = 1;
  for await (const frame of logs.framesFromLine(jobId, standing, Math.max(1, first))) {
    if (frame.firstLine > last) break;
    piece.push(frame);
    bytes += frame.data.length;
    lines += frame.lines;
    if (bytes < TASK_BYTES && lines < TASK_LINES && piece.length < most) continue;
    yield piece;
    piece = [];
    bytes = 0;
    lines = 0;
    most = Math.min(TASK_FRAMES, most * 2);
  }
  if (piece.length > 0) yield piece;
}

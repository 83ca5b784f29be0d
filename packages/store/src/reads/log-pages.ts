import type { LogLine, LogPage } from '@kiln/protocol/api.ts';
import type { Queryable } from '../database.ts';
import { framesAfter, type StoredFrame } from '../frames.ts';
import { frameLines } from './log-lines.ts';

/** How an attempt's log stands. */
export interface LogStanding {
  attempt: number;
  lines: number;
  lastSequence: number;
  /** Whether the attempt ended, so that nothing more comes. */
  finished: boolean;
}

/** A page's text is cut after the line that passes this many characters. */
const PAGE_TEXT = 4 * 1024 * 1024;
/** Frames fetched at once, in bytes. */
const CHUNK = 1_048_576;

/** How the log of an attempt stands; of the job's latest one when `attempt` is null. Null when there is no such attempt. */
export async function readLogStanding(
  sql: Queryable,
  jobId: string,
  attempt: number | null,
): Promise<LogStanding | null> {
  const [row] = await sql<LogStanding[]>`
    SELECT attempt, lines, last_sequence, finished_at IS NOT NULL AS finished FROM attempts
    WHERE job_id = ${jobId} AND ${attempt === null ? sql`true` : sql`attempt = ${attempt}`}
    ORDER BY attempt DESC LIMIT 1`;
  return row ?? null;
}

/** How the logs of these attempts stand, by `<jobId>.<attempt>`; one that is gone is missing. */
export async function readLogStandings(
  sql: Queryable,
  attempts: readonly { jobId: string; attempt: number }[],
): Promise<Map<string, LogStanding>> {
  const rows = await sql<(LogStanding & { jobId: string })[]>`
    SELECT job_id, attempt, lines, last_sequence, finished_at IS NOT NULL AS finished
    FROM unnest(${attempts.map((a) => a.jobId)}::uuid[], ${attempts.map((a) => a.attempt)}::int[]) AS f(job_id, attempt)
    JOIN attempts USING (job_id, attempt)`;
  return new Map(rows.map((row) => [`${row.jobId}.${row.attempt}`, row]));
}

/** The frame that holds a line of a log which has come that far. Looks from the nearer end. */
export async function frameOfLine(
  sql: Queryable,
  jobId: string,
  standing: LogStanding,
  line: number,
): Promise<{ sequence: number; firstLine: number } | null> {
  const order = line > standing.lines / 2 ? sql`DESC` : sql`ASC`;
  const [row] = await sql<{ sequence: number; firstLine: number }[]>`
    SELECT sequence, first_line FROM frames
    WHERE job_id = ${jobId} AND attempt = ${standing.attempt} AND first_line <= ${line} AND first_line + lines > ${line}
    ORDER BY sequence ${order} LIMIT 1`;
  return row ?? null;
}

/** Up to `limit` lines from line `from` on; a negative `from` counts from the end (-100: the last hundred). */
export async function readLogPage(
  sql: Queryable,
  jobId: string,
  standing: LogStanding,
  from: number,
  limit: number,
): Promise<LogPage> {
  const first = firstLine(from, standing.lines);
  const lines: LogLine[] = [];
  let text = 0;
  for await (const frame of framesFromLine(sql, jobId, standing, first)) {
    for (const line of await frameLines(frame)) {
      if (line.line < first || lines.length >= limit || text > PAGE_TEXT) continue;
      text += line.text.length;
      lines.push(line);
    }
    if (lines.length >= limit || text > PAGE_TEXT) break;
  }
  const { attempt, finished, lines: total } = standing;
  return { jobId, attempt, lines, total, complete: finished };
}

/** The number of the first line that `from` names in a log of `total` lines. */
export function firstLine(from: number, total: number): number {
  return from < 0 ? Math.max(1, total + from + 1) : Math.max(1, from);
}

/** The frames from the one that holds a line to the last one known, fetched as they are consumed. */
export async function* framesFromLine(
  sql: Queryable,
  jobId: string,
  standing: LogStanding,
  line: number,
): AsyncGenerator<StoredFrame> {
  if (line > standing.lines) return;
  const begin = await frameOfLine(sql, jobId, standing, line);
  if (!begin) return;
  let after = begin.sequence - 1;
  while (after < standing.lastSequence) {
    const frames = await framesAfter(sql, jobId, standing.attempt, after, CHUNK);
    for (const frame of frames) {
      if (frame.sequence > standing.lastSequence) return;
      yield frame;
      after = frame.sequence;
    }
    if (frames.length === 0) return;
  }
}

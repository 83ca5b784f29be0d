import type { Queryable } from '../database.ts';
import { framesAfter, type StoredFrame } from '../frames.ts';
import type { LogStanding } from './standing.ts';

/** What finding frames takes of how a log stands. */
type Extent = Pick<LogStanding, 'attempt' | 'lines' | 'lastSequence'>;

/** Bytes of frames fetched at once. */
const CHUNK = 1_048_576;

/** What was to be read is not where it was: the log was sealed, archived or removed meanwhile. */
export class LogMoved extends Error {
  override name = 'LogMoved';
}

/** The frames of a log in the database, from the one that holds a line on, fetched as they are consumed. Throws LogMoved. */
export async function* liveFrames(
  db: Queryable,
  jobId: string,
  standing: Extent,
  line: number,
  chunk = CHUNK,
): AsyncGenerator<StoredFrame> {
  if (line > standing.lines) return;
  let next = await sequenceOfLine(db, jobId, standing, line);
  while (next <= standing.lastSequence) {
    const frames = await framesAfter(db, jobId, standing.attempt, next - 1, chunk);
    if (frames[0]?.sequence !== next) throw new LogMoved();
    for (const frame of frames) {
      if (frame.sequence > standing.lastSequence) return;
      yield frame;
      next = frame.sequence + 1;
    }
  }
}

/**
 * The sequence of the frame that holds a line; one more than the last when the log has not come that far. Sequences have
 * no gap, so halving finds it with as many looks at the primary key as their number has bits, in one statement and
 * without another index. Throws LogMoved.
 */
async function sequenceOfLine(db: Queryable, jobId: string, log: Extent, line: number): Promise<number> {
  const [row] = await db<{ sequence: number }[]>`
    WITH RECURSIVE narrowed (low, high) AS (
      SELECT 1, ${log.lastSequence}::int + 1
      UNION ALL
      SELECT CASE WHEN f.first_line + f.lines > ${line} THEN n.low ELSE f.sequence + 1 END,
        CASE WHEN f.first_line + f.lines > ${line} THEN f.sequence ELSE n.high END
      FROM narrowed n JOIN frames f ON f.job_id = ${jobId} AND f.attempt = ${log.attempt} AND f.sequence = (n.low + n.high) / 2
      WHERE n.low < n.high
    )
    SELECT low AS sequence FROM narrowed WHERE low = high`;
  if (!row) throw new LogMoved();
  return row.sequence;
}

/**
 * The first line of the first frame that has a line of this time or later; null when none has. Every frame before it is
 * looked at, since what a builder posts may go back in time. Throws LogMoved.
 */
export async function frameOfTime(db: Queryable, jobId: string, log: Extent, time: Date): Promise<number | null> {
  const [row] = await db<{ firstLine: number | null; whole: boolean }[]>`
    SELECT (SELECT first_line FROM frames WHERE job_id = ${jobId} AND attempt = ${log.attempt}
        AND greatest(first_time, last_time) >= ${time} ORDER BY sequence LIMIT 1) AS first_line,
      EXISTS (SELECT 1 FROM frames WHERE job_id = ${jobId} AND attempt = ${log.attempt} AND sequence = ${log.lastSequence}) AS whole`;
  if (!row?.whole) throw new LogMoved();
  return row.firstLine;
}

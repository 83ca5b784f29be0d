import { copyFrames } from './copy-frames.ts';
import type { Queryable, Transaction } from './database.ts';

/** A frame as an agent sent it, with what its header says. */
export interface NewFrame {
  jobId: string;
  attempt: number;
  fence: number;
  sequence: number;
  firstLine: number;
  lines: number;
  bytes: number;
  firstTime: number;
  lastTime: number;
  data: Uint8Array;
}

export interface StoredFrame {
  sequence: number;
  firstLine: number;
  lines: number;
  data: Uint8Array;
}

/** From so many bytes on frames are worth the two further round trips that COPY takes. */
const LOUD_BYTES = 131_072;

/** Where an attempt's log stands after frames were stored. */
export interface StoredLog {
  jobId: string;
  attempt: number;
  lastSequence: number;
}

/**
 * Stores frames of any number of attempts. Returns for each attempt whose fence still holds the last
 * sequence that is stored now; an attempt that is missing in the answer is not the sender's any more. A frame that is
 * stored already changes nothing. The caller keeps the sequences of one attempt free of gaps.
 */
export async function storeFrames(sql: Transaction, frames: readonly NewFrame[]): Promise<StoredLog[]> {
  const bytes = frames.reduce((sum, frame) => sum + frame.data.length, 0);
  if (bytes < LOUD_BYTES) return await insertFrames(sql, frames);
  const counted = await countFrames(sql, frames);
  const before = new Map(counted.map((log) => [`${log.jobId}.${log.attempt}.${log.fence}`, log.before]));
  await copyFrames(
    sql,
    frames.filter((f) => f.sequence > (before.get(`${f.jobId}.${f.attempt}.${f.fence}`) ?? Number.MAX_SAFE_INTEGER)),
  );
  return counted.map(({ jobId, attempt, lastSequence }) => ({ jobId, attempt, lastSequence }));
}

/** Takes frames into their attempts' totals. `before` is the last sequence that was stored already. */
async function countFrames(
  sql: Transaction,
  frames: readonly NewFrame[],
): Promise<(StoredLog & { fence: number; before: number })[]> {
  const json = JSON.stringify(frames.map(({ data: _, ...rest }) => rest));
  return await sql<(StoredLog & { fence: number; before: number })[]>`
    WITH given AS (
      SELECT * FROM jsonb_to_recordset(${json}::text::jsonb)
        AS g("jobId" uuid, attempt int, fence int8, sequence int, lines int, bytes int8)
    ), held AS (
      SELECT a.job_id, a.attempt, a.fence, a.last_sequence FROM attempts a
      WHERE (a.job_id, a.attempt, a.fence) IN (SELECT "jobId", attempt, fence FROM given) AND a.finished_at IS NULL
      FOR UPDATE
    ), total AS (
      SELECT h.job_id, h.attempt, h.fence, h.last_sequence AS before, greatest(max(g.sequence), h.last_sequence) AS last_sequence,
        coalesce(sum(g.lines) FILTER (WHERE g.sequence > h.last_sequence), 0) AS lines,
        coalesce(sum(g.bytes) FILTER (WHERE g.sequence > h.last_sequence), 0) AS bytes
      FROM held h JOIN given g ON g."jobId" = h.job_id AND g.attempt = h.attempt AND g.fence = h.fence
      GROUP BY 1, 2, 3, 4
    )
    UPDATE attempts a SET last_sequence = t.last_sequence, lines = a.lines + t.lines, log_bytes = a.log_bytes + t.bytes
    FROM total t WHERE a.job_id = t.job_id AND a.attempt = t.attempt AND a.fence = t.fence
    RETURNING a.job_id, a.attempt, a.fence, a.last_sequence, t.before`;
}

/** A few frames and their totals in one statement. */
async function insertFrames(sql: Transaction, frames: readonly NewFrame[]): Promise<StoredLog[]> {
  const rows = frames.map(
    (f) =>
      [
        f.jobId,
        f.attempt,
        f.fence,
        f.sequence,
        f.firstLine,
        f.lines,
        f.bytes,
        f.firstTime,
        f.lastTime,
        Buffer.from(f.data.buffer, f.data.byteOffset, f.data.byteLength),
      ] as const,
  );
  return await sql<StoredLog[]>`
    WITH given (job_id, attempt, fence, sequence, first_line, lines, bytes, first_time, last_time, data) AS (
      SELECT g.c1::uuid, g.c2::int, g.c3::int8, g.c4::int, g.c5::int8, g.c6::int, g.c7::int8, g.c8::float8, g.c9::float8, g.c10::bytea
      FROM (VALUES ${sql(rows)}) AS g(c1, c2, c3, c4, c5, c6, c7, c8, c9, c10)
    ), valid AS (
      SELECT g.* FROM given g JOIN attempts a USING (job_id, attempt, fence)
      WHERE a.finished_at IS NULL AND g.sequence > a.last_sequence
      -- Nothing comes into the log of an attempt that ends at this moment: it may be sealed at once.
      FOR NO KEY UPDATE OF a
    ), stored AS (
      INSERT INTO frames (job_id, attempt, sequence, first_line, lines, first_time, last_time, data)
      SELECT job_id, attempt, sequence, first_line, lines, to_timestamp(first_time / 1000), to_timestamp(last_time / 1000), data FROM valid
      ON CONFLICT DO NOTHING
    ), total AS (
      SELECT job_id, attempt, fence, max(sequence) AS last_sequence, sum(lines) AS lines, sum(bytes) AS bytes FROM valid GROUP BY 1, 2, 3
    ), counted AS (
      UPDATE attempts a SET last_sequence = t.last_sequence, lines = a.lines + t.lines, log_bytes = a.log_bytes + t.bytes
      FROM total t WHERE a.job_id = t.job_id AND a.attempt = t.attempt AND a.fence = t.fence
    )
    SELECT a.job_id, a.attempt, greatest(a.last_sequence, coalesce(t.last_sequence, 0)) AS last_sequence
    FROM (SELECT DISTINCT job_id, attempt, fence FROM given) g JOIN attempts a USING (job_id, attempt, fence)
    LEFT JOIN total t USING (job_id, attempt, fence)
    WHERE a.finished_at IS NULL`;
}

/** Frames after a sequence, in order, until about `maxBytes` are together (at least one, if there is one). */
export async function framesAfter(
  db: Queryable,
  jobId: string,
  attempt: number,
  sequence: number,
  maxBytes = 1_048_576,
): Promise<StoredFrame[]> {
  return await db<StoredFrame[]>`
    SELECT sequence, first_line, lines, data FROM (
      SELECT sequence, first_line, lines, data, sum(octet_length(data)) OVER (ORDER BY sequence) - octet_length(data) AS before
      FROM (SELECT * FROM frames WHERE job_id = ${jobId} AND attempt = ${attempt} AND sequence > ${sequence} ORDER BY sequence LIMIT 64) AS page
    ) AS sized WHERE before < ${maxBytes} ORDER BY sequence`;
}

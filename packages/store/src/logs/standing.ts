import type { Queryable } from '../database.ts';

/** Where a log is kept: frames in the database, one blob, a smaller blob, or nowhere any more. */
export type LogKept = 'live' | 'sealed' | 'archived' | 'expired';

/** How an attempt's log stands. */
export interface LogStanding {
  attempt: number;
  lines: number;
  /** Size of the text. */
  bytes: number;
  lastSequence: number;
  /** Whether the attempt ended, so that nothing more comes. */
  finished: boolean;
  kept: LogKept;
  /** When it was removed. */
  expiredAt: Date | null;
  /** Where it is while it is sealed or archived; null for a log of no lines, too. */
  blob: SealedBlob | null;
}

/** The blob of a sealed log, and where in it the index is. Sizes in bytes. */
export interface SealedBlob {
  key: string;
  bytes: number;
  indexOffset: number;
  indexBytes: number;
}

/** The log was removed when it was old enough. */
export class LogExpired extends Error {
  override name = 'LogExpired';
  readonly expiredAt: Date;

  constructor(expiredAt: Date) {
    super(`the log was removed on ${expiredAt.toISOString().slice(0, 10)}, as the farm's retention says`);
    this.expiredAt = expiredAt;
  }
}

/** A blob as a query gives it: null columns while there is none. */
export interface BlobColumns {
  key: string | null;
  blobBytes: number | null;
  indexOffset: number | null;
  indexBytes: number | null;
}

type Row = Omit<LogStanding, 'blob'> & BlobColumns & { jobId: string };

/** How the log of an attempt stands; of the job's latest one when `attempt` is null. Null when there is no such attempt. */
export async function readLogStanding(
  sql: Queryable,
  jobId: string,
  attempt: number | null,
): Promise<LogStanding | null> {
  const [row] = await sql<Row[]>`
    SELECT ${columns(sql)} FROM attempts a LEFT JOIN sealed_logs s USING (job_id, attempt)
    WHERE job_id = ${jobId} AND ${attempt === null ? sql`true` : sql`attempt = ${attempt}`}
    ORDER BY attempt DESC LIMIT 1`;
  return row ? standingOf(row) : null;
}

/** How the logs of these attempts stand, by `<jobId>.<attempt>`; one that is gone is missing. */
export async function readLogStandings(
  sql: Queryable,
  attempts: readonly { jobId: string; attempt: number }[],
): Promise<Map<string, LogStanding>> {
  const rows = await sql<Row[]>`
    SELECT ${columns(sql)}
    FROM unnest(${attempts.map((a) => a.jobId)}::uuid[], ${attempts.map((a) => a.attempt)}::int[]) AS f(job_id, attempt)
    JOIN attempts a USING (job_id, attempt) LEFT JOIN sealed_logs s USING (job_id, attempt)`;
  return new Map(rows.map((row) => [`${row.jobId}.${row.attempt}`, standingOf(row)]));
}

function columns(sql: Queryable) {
  return sql`job_id, attempt, a.lines, a.log_bytes AS bytes, a.last_sequence, a.finished_at IS NOT NULL AS finished, a.log_state AS kept,
    s.expired_at, s.key, s.bytes AS blob_bytes, s.index_offset, s.index_bytes`;
}

function standingOf({ jobId: _, key, blobBytes, indexOffset, indexBytes, ...row }: Row): LogStanding {
  return { ...row, blob: blobOf({ key, blobBytes, indexOffset, indexBytes }) };
}

/** The blob that the columns name, or null. */
export function blobOf({ key, blobBytes, indexOffset, indexBytes }: BlobColumns): SealedBlob | null {
  if (key === null || blobBytes === null || indexOffset === null || indexBytes === null) return null;
  return { key, bytes: blobBytes, indexOffset, indexBytes };
}

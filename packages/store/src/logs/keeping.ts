import type { Database, Transaction } from '../database.ts';
import { LeaseTable } from '../lease.ts';
import type { SealedLog } from './seal-log.ts';
import { type BlobColumns, blobOf, type LogKept, type SealedBlob } from './standing.ts';

/** A log that somebody works on, under a lease whose fence every write names. */
export interface HeldLog {
  jobId: string;
  attempt: number;
  lines: number;
  lastSequence: number;
  kept: LogKept;
  fence: number;
  /** How often it failed before. */
  failures: number;
  /** Of a sealed log. */
  sha256: string | null;
  blob: SealedBlob | null;
}

/** Who seals, archives or removes a log. */
export const LOG_LEASES = new LeaseTable('sealed_logs', ['jobId', 'attempt'], 60_000);

/** Raised when somebody else has a log now, or it is not as it was. */
export class LogLeaseLost extends Error {
  override name = 'LogLeaseLost';
}

/**
 * Leases the log, of those kept in one way whose attempts ended `ageMs` ago or longer, that ended first. However many
 * ask at once, one gets it. Null when there is none to do now.
 */
export async function leaseLog(db: Database, instance: string, kept: LogKept, ageMs: number): Promise<HeldLog | null> {
  const [row] = await db<(Omit<HeldLog, 'blob'> & BlobColumns)[]>`
    WITH due AS (
      SELECT a.job_id, a.attempt, a.lines, a.last_sequence, a.log_state FROM attempts a LEFT JOIN sealed_logs s USING (job_id, attempt)
      WHERE a.log_state = ${kept} AND a.finished_at <= now() - ${ageMs} * interval '1 millisecond'
        AND (s.job_id IS NULL OR s.next_try_at <= now() AND ${LOG_LEASES.isFree(db, 's')})
      ORDER BY a.finished_at LIMIT 1 FOR UPDATE OF a SKIP LOCKED
    ), held AS (
      ${LOG_LEASES.leaseOrInsert(db, instance)}
      RETURNING *
    )
    SELECT job_id, attempt, due.lines, due.last_sequence, due.log_state AS kept, held.fence, held.failures, held.sha256,
      held.key, held.bytes AS blob_bytes, held.index_offset, held.index_bytes
    FROM due JOIN held USING (job_id, attempt)`;
  if (!row) return null;
  const { key, blobBytes, indexOffset, indexBytes, ...rest } = row;
  return { ...rest, blob: blobOf({ key, blobBytes, indexOffset, indexBytes }) };
}

/** Gives a lease back because the work failed; `againMs` null: it would fail the same way, so it is not tried again. */
export async function releaseLog(
  db: Database,
  held: HeldLog,
  failure: { error: string; againMs: number | null } | null,
): Promise<void> {
  const again = db`
    error = ${failure?.error ?? null}, failures = leased.failures + ${failure ? 1 : 0},
    next_try_at = CASE WHEN ${failure?.againMs === null} THEN NULL ELSE now() + ${failure?.againMs ?? 0} * interval '1 millisecond' END`;
  await LOG_LEASES.giveBack(db, [held], again);
}

/**
 * Says that a log is in this blob now (null: it has no lines), and removes its frames from the database. Throws
 * LogLeaseLost when the lease is not held any more or the log is not the one that was sealed.
 */
export async function recordSealed(db: Database, held: HeldLog, sealed: SealedLog | null): Promise<void> {
  const { jobId, attempt } = held;
  await db.begin(async (sql) => {
    await record(sql, held, sealed, 'sealed');
    await sql`DELETE FROM frames WHERE job_id = ${jobId} AND attempt = ${attempt}`;
  });
}

/** Says that a sealed log is in this smaller blob now. The other one is the caller's to remove. */
export async function recordArchived(db: Database, held: HeldLog, archived: SealedLog | null): Promise<void> {
  await db.begin(async (sql) => await record(sql, held, archived, 'archived'));
}

async function record(
  sql: Transaction,
  held: HeldLog,
  log: SealedLog | null,
  kept: 'sealed' | 'archived',
): Promise<void> {
  const { jobId, attempt } = held;
  const lines = log?.lines ?? 0;
  const moved = await sql`
    UPDATE attempts SET log_state = ${kept}
    WHERE job_id = ${jobId} AND attempt = ${attempt} AND log_state = ${held.kept} AND lines = ${lines} AND last_sequence = ${held.lastSequence}`;
  const recorded = await sql`
    UPDATE sealed_logs SET key = ${log?.key ?? null}, bytes = ${log?.bytes ?? 0}, text_bytes = ${log?.textBytes ?? 0}, lines = ${lines},
      frames = ${log?.frames ?? 0}, sha256 = ${log?.sha256 ?? null}, index_offset = ${log?.indexOffset ?? null},
      index_bytes = ${log?.indexBytes ?? null}, ${kept === 'sealed' ? sql`sealed_at` : sql`archived_at`} = now(),
      ${LOG_LEASES.ended(sql)}, failures = 0, error = NULL, next_try_at = now()
    WHERE ${LOG_LEASES.isHeld(sql, held)}`;
  if (moved.count !== 1 || recorded.count !== 1)
    throw new LogLeaseLost(`attempt ${attempt} of job ${jobId} is not this process's to seal any more`);
}

/**
 * Marks logs of attempts that ended `ageMs` ago or longer as removed, at most `most` of them, with their frames. Returns
 * them with the keys of their blobs, which are the caller's to remove. Any number of processes may do it at once.
 */
export async function expireLogs(
  db: Database,
  ageMs: number,
  most: number,
): Promise<{ jobId: string; attempt: number; key: string | null }[]> {
  return await db<{ jobId: string; attempt: number; key: string | null }[]>`
    WITH due AS (
      SELECT a.job_id, a.attempt FROM attempts a
      WHERE a.log_state IN ('live', 'sealed', 'archived') AND a.finished_at <= now() - ${ageMs} * interval '1 millisecond'
      ORDER BY a.finished_at LIMIT ${most} FOR UPDATE SKIP LOCKED
    ), moved AS (
      UPDATE attempts a SET log_state = 'expired' FROM due WHERE a.job_id = due.job_id AND a.attempt = due.attempt
      RETURNING a.job_id, a.attempt
    ), gone AS (
      DELETE FROM frames f USING moved WHERE f.job_id = moved.job_id AND f.attempt = moved.attempt
    ), before AS (
      SELECT job_id, attempt, key FROM sealed_logs JOIN moved USING (job_id, attempt)
    ), told AS (
      INSERT INTO sealed_logs AS s (job_id, attempt, expired_at) SELECT job_id, attempt, now() FROM moved
      ON CONFLICT (job_id, attempt) DO UPDATE SET expired_at = now(), key = NULL, fence = s.fence + 1
    )
    SELECT moved.job_id, moved.attempt, before.key FROM moved LEFT JOIN before USING (job_id, attempt)`;
}

/** Of these keys, those that are no log's. */
export async function unknownKeys(db: Database, keys: readonly string[]): Promise<string[]> {
  const rows = await db<{ key: string }[]>`SELECT key FROM sealed_logs WHERE key = ANY (${keys as string[]})`;
  const known = new Set(rows.map((row) => row.key));
  return keys.filter((key) => !known.has(key));
}

/** How many logs of ended attempts are still frames in the database. */
export async function countUnsealed(db: Database): Promise<number> {
  const [row] = await db<{ logs: number }[]>`
    SELECT count(*) AS logs FROM attempts WHERE log_state = 'live' AND finished_at IS NOT NULL`;
  return row?.logs ?? 0;
}

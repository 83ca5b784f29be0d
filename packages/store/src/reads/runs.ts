import type { RunList, RunSummary } from '@kiln/protocol/api.ts';
import type { RunStatus } from '@kiln/protocol/states.ts';
import type { PendingQuery, Row } from 'postgres';
import type { Queryable } from '../database.ts';
import { iso } from './time.ts';

/** A piece of SQL to be put into another one. */
export type Fragment = PendingQuery<Row[]>;

interface RunRow {
  runId: string;
  recipe: string;
  version: string;
  status: RunStatus;
  attempt: number;
  trigger: string;
  requestedBy: string;
  ref: string | null;
  commitHash: string | null;
  requestId: string;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
  retryAt: Date | null;
  failure: { message?: string } | null;
  total: number;
  finished: number;
  percent: number;
  text: string | null;
}

/** Runs, newest first. `page` selects the rows of `runs` that are wanted, such as `SELECT * FROM runs WHERE …`. */
export async function readRuns(sql: Queryable, page: Fragment): Promise<RunSummary[]> {
  const rows = await sql<RunRow[]>`
    SELECT r.run_id, r.recipe, r.version, r.status, r.attempt, r.trigger, r.requested_by, r.ref, r.commit_hash, r.request_id,
      r.created_at, r.started_at, r.finished_at, r.retry_at, r.failure, j.total, j.finished, j.percent, j.text
    FROM (${page}) AS r, LATERAL (
      SELECT count(*) AS total,
        count(*) FILTER (WHERE j.status IN ('completed', 'failed', 'cancelled')) AS finished,
        coalesce(avg(CASE j.status WHEN 'completed' THEN 100 WHEN 'queued' THEN 0 ELSE coalesce(a.percent, 0) END), 0)::float8 AS percent,
        (array_agg(a.text ORDER BY j.position) FILTER (WHERE j.status IN ('started', 'building', 'cancelling') AND a.text <> ''))[1] AS text
      FROM jobs j LEFT JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempt
      WHERE j.run_id = r.run_id) AS j
    ORDER BY r.created_at DESC, r.run_id`;
  return rows.map(toSummary);
}

function toSummary(row: RunRow): RunSummary {
  return {
    runId: row.runId,
    recipe: row.recipe,
    version: row.version,
    status: row.status,
    attempt: row.attempt,
    trigger: row.trigger,
    by: row.requestedBy,
    ref: row.ref,
    commit: row.commitHash,
    requestId: row.requestId,
    createdAt: iso(row.createdAt),
    startedAt: iso(row.startedAt),
    finishedAt: iso(row.finishedAt),
    retryAt: iso(row.retryAt),
    percent: row.status === 'completed' ? 100 : Math.min(99, Math.round(row.percent * 10) / 10),
    text: textOf(row),
    jobs: { total: row.total, finished: row.finished },
  };
}

function textOf(row: RunRow): string {
  if (row.status === 'failed' || row.status === 'cancelled') return row.failure?.message ?? '';
  if (row.status === 'publishing') return 'publishing';
  return row.status === 'completed' ? '' : (row.text ?? '');
}

/** Which runs a list shows. */
export interface RunFilter {
  recipe?: string | undefined;
  status?: RunStatus | undefined;
  version?: string | undefined;
  /** `nextCursor` of the page before. */
  cursor?: string | undefined;
  limit: number;
}

/** Raised on a cursor that no page gave out. */
export class CursorError extends Error {
  override name = 'CursorError';
}

/** One page of runs, newest first. A page goes on exactly where the one before ended, whatever was created meanwhile. Throws CursorError. */
export async function listRuns(sql: Queryable, filter: RunFilter): Promise<RunList> {
  const matching = sql`
    WHERE ${filter.recipe === undefined ? sql`true` : sql`recipe = ${filter.recipe}`}
      AND ${filter.status === undefined ? sql`true` : sql`status = ${filter.status}`}
      AND ${filter.version === undefined ? sql`true` : sql`version = ${filter.version}`}`;
  const after = filter.cursor === undefined ? null : parseCursor(filter.cursor);
  const beyond = after
    ? sql`AND (created_at < ${after.time} OR (created_at = ${after.time} AND run_id > ${after.runId}))`
    : sql``;
  const [page, [counted]] = await Promise.all([
    sql<{ runId: string; micros: number }[]>`
      SELECT run_id, (extract(epoch FROM created_at) * 1000000)::int8 AS micros FROM runs ${matching} ${beyond}
      ORDER BY created_at DESC, run_id LIMIT ${filter.limit + 1}`,
    sql<{ total: number }[]>`SELECT count(*) AS total FROM runs ${matching}`,
  ]);
  const shown = page.slice(0, filter.limit);
  const last = shown.at(-1);
  return {
    runs: await readRuns(sql, sql`SELECT * FROM runs WHERE run_id = ANY (${shown.map((row) => row.runId)}::uuid[])`),
    nextCursor: last && page.length > filter.limit ? `${last.micros}.${last.runId}` : null,
    total: counted?.total ?? 0,
  };
}

/** A cursor is the creation time of the last run shown, in microseconds, and its id. */
function parseCursor(cursor: string): { time: string; runId: string } {
  const match = /^(\d{1,16})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(cursor);
  const [, micros, runId] = match ?? [];
  if (!micros || !runId) {
    throw new CursorError(`"${cursor.slice(0, 80)}" is not a cursor; pass the nextCursor of the page before as it was`);
  }
  const seconds = new Date(Math.floor(Number(micros) / 1_000_000) * 1000).toISOString().slice(0, 19);
  return { time: `${seconds}.${micros.padStart(16, '0').slice(-6)}Z`, runId };
}

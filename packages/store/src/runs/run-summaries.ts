import type { Failure } from '@kiln/protocol/agent-messages.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { HELD_JOB_STATUSES, type RunStatus } from '@kiln/protocol/states.ts';
import type { Queryable, Transaction } from '../database.ts';
import { among } from '../edges.ts';

/** Locks the runs of these jobs, in order, before anything of theirs changes: whoever changes a run holds its row. */
export async function lockRuns(sql: Transaction, jobIds: readonly string[]): Promise<void> {
  await sql`SELECT 1 FROM runs WHERE run_id IN (SELECT run_id FROM jobs WHERE job_id = ANY (${jobIds as string[]}::uuid[])) ORDER BY run_id FOR UPDATE`;
}

/** A run and the states of its jobs in numbers, to decide what becomes of it. */
export interface RunSummary {
  runId: string;
  requestId: string;
  recipe: string;
  version: string;
  status: RunStatus;
  attempt: number;
  /** What decides its end; null while jobs are held: a large matrix is not read anew with each of its jobs. */
  terms: Pick<CompiledRecipe, 'retries' | 'publish'> | null;
  traceparent: string | null;
  startedAt: Date | null;
  jobs: number;
  completed: number;
  failed: number;
  cancelled: number;
  held: number;
  /** Queued and free to go. */
  claimable: number;
  /** The first failed job's failure. */
  failure: Failure | null;
}

/** The runs of these jobs as they are now. */
export async function summarizeRuns(sql: Queryable, jobIds: readonly string[]): Promise<RunSummary[]> {
  return await sql<RunSummary[]>`
    SELECT r.run_id, r.request_id, r.recipe, r.version, r.status, r.attempt, r.traceparent, r.started_at, j.*,
      CASE WHEN j.held = 0 THEN jsonb_build_object('retries', r.compiled->'retries', 'publish', r.compiled->'publish') END AS terms,
      CASE WHEN j.failed > 0 THEN (
        SELECT a.failure FROM jobs f JOIN attempts a ON a.job_id = f.job_id AND a.attempt = f.attempt
        WHERE f.run_id = r.run_id AND f.status IN ${among(sql, ['failed'])} ORDER BY f.position LIMIT 1) END AS failure
    FROM runs r, LATERAL (
      SELECT count(*) AS jobs,
        count(*) FILTER (WHERE status IN ${among(sql, ['completed'])}) AS completed,
        count(*) FILTER (WHERE status IN ${among(sql, ['failed'])}) AS failed,
        count(*) FILTER (WHERE status IN ${among(sql, ['cancelled'])}) AS cancelled,
        count(*) FILTER (WHERE status IN ${among(sql, HELD_JOB_STATUSES)}) AS held,
        count(*) FILTER (WHERE status IN ${among(sql, ['queued'])} AND unmet = 0) AS claimable
      FROM jobs WHERE run_id = r.run_id) j
    WHERE r.run_id IN (SELECT run_id FROM jobs WHERE job_id = ANY (${jobIds as string[]}::uuid[]))`;
}

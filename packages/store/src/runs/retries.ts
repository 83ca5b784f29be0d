import type { RunStatus } from '@kiln/protocol/states.ts';
import type { Database, Queryable, Transaction } from '../database.ts';
import { edge, from, to } from '../edges.ts';
import { PUBLISH_LEASES } from './publish-lease.ts';
import type { StateChange } from './state-change.ts';

const REQUEUE_JOB = edge('jobs', ['failed'], 'queued');
const REQUEUE_RUN = edge('runs', ['failed'], 'queued');
const REPUBLISH_RUN = edge('runs', ['failed'], 'publishing');

/** What trying a run again changes. */
export const RETRY_EDGES = [REQUEUE_JOB, REQUEUE_RUN, REPUBLISH_RUN];

/** A failed run whose next try is due. */
export interface DueRetry {
  runId: string;
  requestId: string;
  recipe: string;
  version: string;
}

/** Up to a hundred failed runs whose next try is due, the longest due first. */
export async function dueRetries(sql: Queryable): Promise<DueRetry[]> {
  return await sql<DueRetry[]>`
    SELECT run_id, recipe, version, request_id FROM runs
    WHERE retry_at <= now() AND status IN ${from(sql, REQUEUE_RUN)} ORDER BY retry_at LIMIT 100`;
}

/** Milliseconds until the next try of a failed run is due, less than 0 when it is overdue, null when none will be. */
export async function untilNextRetry(sql: Queryable): Promise<number | null> {
  const [next] = await sql<{ ms: number | null }[]>`
    SELECT (extract(epoch FROM min(retry_at) - now()) * 1000)::float8 AS ms FROM runs
    WHERE retry_at IS NOT NULL AND status IN ${from(sql, REQUEUE_RUN)}`;
  return next?.ms ?? null;
}

/**
 * Tries a failed run again: its failed jobs are queued, finished ones keep their results. A run whose jobs were all
 * completed failed while publishing, and only publishes again. Publish SUBJECTS.queue and SUBJECTS.publish afterwards.
 */
export async function requestRetry(db: Database, runId: string): Promise<StateChange> {
  return await db.begin(async (sql) => await retryRun(sql, runId));
}

/** The same inside a transaction of the caller's. */
export async function retryRun(sql: Transaction, runId: string): Promise<StateChange> {
  const [run] = await sql<{ status: RunStatus }[]>`SELECT status FROM runs WHERE run_id = ${runId} FOR UPDATE`;
  if (!run) return { ok: false, from: null };
  if (run.status !== 'failed') return { ok: false, from: run.status };
  const queued = await sql`
    UPDATE jobs SET status = ${to(sql, REQUEUE_JOB)}, queued_at = now(), finished_at = NULL, started_at = NULL, agent_id = NULL, lost = 0
    WHERE run_id = ${runId} AND status IN ${from(sql, REQUEUE_JOB)}`;
  const change = queued.count > 0 ? REQUEUE_RUN : REPUBLISH_RUN;
  await sql`
    UPDATE runs SET status = ${to(sql, change)}, attempt = attempt + 1, retry_at = NULL, finished_at = NULL, failure = NULL, ${PUBLISH_LEASES.ended(sql)}
    WHERE run_id = ${runId} AND status IN ${from(sql, change)}`;
  return { ok: true, status: change.to };
}

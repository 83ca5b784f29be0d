import type { CompiledJob } from '@kiln/protocol/compiled.ts';
import type { Transaction } from '../database.ts';
import { among, edge, from, to } from '../edges.ts';

/** A job just given to an agent, with what its dispatch says. */
export interface ClaimedJob {
  jobId: string;
  runId: string;
  attempt: number;
  fence: number;
  spec: CompiledJob;
  requestId: string;
  recipe: string;
  version: string;
  ref: string | null;
  commitHash: string | null;
  upstream: string | null;
  eventTime: Date;
  traceparent: string | null;
  runAttempt: number;
  /** Whether this claim is what started the run's attempt. */
  startsRun: boolean;
}

const START_JOB = edge('jobs', ['queued'], 'started');
const BEGIN_RUN = edge('runs', ['queued'], 'building');

/** What giving jobs to an agent changes. */
export const CLAIM_EDGES = [START_JOB, BEGIN_RUN];

/** A run in one of these may have jobs given out. */
const CLAIMABLE = [...BEGIN_RUN.from, BEGIN_RUN.to];

/** How long after a job's own limit the orchestrator ends an attempt whose agent did not. */
const DEADLINE_GRACE_MS = 60_000;

/**
 * Gives up to `limit` queued jobs to one agent: those whose labels it has, by priority, then age. One statement: picks
 * the jobs, moves them to `started` under a new fence, makes their attempts and moves their runs to `building`. Rows that
 * another orchestrator works on are skipped, never waited for.
 */
export async function claimJobs(
  sql: Transaction,
  agent: { agentId: string; name: string; labels: readonly string[] },
  limit: number,
): Promise<ClaimedJob[]> {
  return await sql<ClaimedJob[]>`
    WITH picked AS (
      SELECT j.job_id, j.run_id, r.status AS run_status
      FROM jobs j JOIN runs r ON r.run_id = j.run_id
      WHERE j.status IN ${from(sql, START_JOB)} AND j.unmet = 0 AND j.labels <@ ${agent.labels as string[]}::text[]
        AND r.status IN ${among(sql, CLAIMABLE)}
        AND (r.status = ${to(sql, BEGIN_RUN)} OR r.concurrency IS NULL OR r.concurrency >
          (SELECT count(*) FROM runs o WHERE o.recipe = r.recipe AND o.status IN ${among(sql, ['building', 'publishing', 'cancelling'])}))
      ORDER BY j.priority DESC, j.queued_at, j.position
      LIMIT ${limit} FOR UPDATE OF j, r SKIP LOCKED
    ), claimed AS (
      UPDATE jobs j SET status = ${to(sql, START_JOB)}, attempt = j.attempt + 1, fence = j.fence + 1, agent_id = ${agent.agentId},
        started_at = now(), finished_at = NULL, cancel_reason = NULL, cancel_requested_at = NULL
      FROM picked p WHERE j.job_id = p.job_id
      RETURNING j.job_id, j.run_id, j.attempt, j.fence, j.spec, j.position, p.run_status
    ), made AS (
      INSERT INTO attempts (job_id, attempt, fence, agent_id, agent_name, deadline)
      SELECT job_id, attempt, fence, ${agent.agentId}, ${agent.name},
        now() + ((spec->>'timeoutMs')::float8 + ${DEADLINE_GRACE_MS}) * interval '1 millisecond'
      FROM claimed
    ), begun AS (
      UPDATE runs r SET status = ${to(sql, BEGIN_RUN)}, started_at = now()
      WHERE r.run_id IN (SELECT run_id FROM claimed WHERE run_status IN ${from(sql, BEGIN_RUN)})
      RETURNING r.run_id
    )
    SELECT c.job_id, c.run_id, c.attempt, c.fence, c.spec, r.request_id, r.recipe, r.version, r.ref, r.commit_hash,
      CASE WHEN r.ref IS NOT NULL THEN r.compiled->'upstream'->>'git' END AS upstream, r.event_time, r.traceparent, r.attempt AS run_attempt,
      (c.run_status IN ${from(sql, BEGIN_RUN)} AND c.position = min(c.position) OVER (PARTITION BY c.run_id)) AS starts_run
    FROM claimed c JOIN runs r ON r.run_id = c.run_id
    ORDER BY c.position`;
}

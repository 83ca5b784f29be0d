import type { AttemptReference, Failure, Progress } from '@kiln/protocol/agent-messages.ts';
import type { JobStatus } from '@kiln/protocol/states.ts';
import type { Transaction } from '../database.ts';
import { edge, from, to } from '../edges.ts';

const COMPLETE_JOB = edge('jobs', ['started', 'building'], 'completed');
const FAIL_JOB = edge('jobs', ['started', 'building'], 'failed');
const REQUEUE_JOB = edge('jobs', ['started', 'building'], 'queued');
const CANCEL_JOB = edge('jobs', ['cancelling'], 'cancelled');
const COMPLETE_ATTEMPT = edge('attempts', ['started', 'building'], 'completed');
const FAIL_ATTEMPT = edge('attempts', ['started', 'building'], 'failed');
const CANCEL_ATTEMPT = edge('attempts', ['started', 'building'], 'cancelled');

const JOB_ENDS = [COMPLETE_JOB, FAIL_JOB, REQUEUE_JOB, CANCEL_JOB];
const ATTEMPT_ENDS = [COMPLETE_ATTEMPT, FAIL_ATTEMPT, CANCEL_ATTEMPT];

/** What the end of an attempt changes. */
export const FINISH_EDGES = [...JOB_ENDS, ...ATTEMPT_ENDS];

/** The last word on an attempt. */
export interface Finish extends AttemptReference {
  outcome: 'completed' | 'failed' | 'cancelled';
  failure: Failure | null;
  /** Null leaves what was last reported. */
  progress: Progress | null;
  lastSequence: number;
  /**
   * The agent was lost: the job goes back to the queue while its lost attempts are fewer than this. 0: never. Null: the agent was
   * stopped in good order, so the job goes back and nothing is held against it.
   */
  requeueBelow: number | null;
  /** The agent did not end the log: Kiln does, with this line. */
  lastWords?: string;
}

/** A job that makes its agent stop must not go round for ever. */
const MOST_STOPPED = 20;

/** A job whose attempt was just ended, with what it became. */
export interface FinishedJob {
  jobId: string;
  runId: string;
  attempt: number;
  name: string;
  status: JobStatus;
}

/**
 * Ends attempts under their fences and moves their jobs on: what completed is completed unless somebody
 * cancelled meanwhile; a lost one is queued again while tries are left. Jobs that needed a completed one come one step
 * closer. Lock the runs first (`lockRuns`). An attempt missing in the answer was not the sender's any more, or had been ended.
 */
export async function finishAttempts(sql: Transaction, finishes: readonly Finish[]): Promise<FinishedJob[]> {
  const json = JSON.stringify(
    finishes.map((f) => ({
      job_id: f.jobId,
      attempt: f.attempt,
      fence: f.fence,
      outcome: f.outcome,
      failure: f.failure,
      percent: f.progress?.percent ?? null,
      text: f.progress?.text ?? null,
      phases: f.progress?.phases ?? null,
      last_sequence: f.lastSequence,
      requeue_below: f.requeueBelow,
    })),
  );
  return await sql<FinishedJob[]>`
    WITH given AS (
      SELECT * FROM jsonb_to_recordset(${json}::text::jsonb)
        AS g(job_id uuid, attempt int, fence int8, outcome text, failure jsonb, percent float8, text text, phases jsonb, last_sequence int, requeue_below int)
    ), decided AS (
      SELECT g.*, CASE
          WHEN j.status IN ${from(sql, CANCEL_JOB)} THEN ${to(sql, CANCEL_JOB)}
          WHEN g.outcome = ${to(sql, COMPLETE_JOB)} THEN ${to(sql, COMPLETE_JOB)}
          ELSE ${to(sql, FAIL_JOB)} END AS ended,
        j.status IN ${from(sql, REQUEUE_JOB)} AND g.outcome = 'failed' AND coalesce(j.lost + 1 < g.requeue_below, j.attempt < ${MOST_STOPPED}) AS again
      FROM given g JOIN jobs j ON j.job_id = g.job_id AND j.attempt = g.attempt AND j.fence = g.fence
      WHERE j.status IN ${from(sql, ...JOB_ENDS)}
    ), told AS (
      UPDATE attempts a SET status = d.ended, finished_at = now(), failure = CASE WHEN d.ended = ${to(sql, COMPLETE_ATTEMPT)} THEN NULL ELSE d.failure END,
        building_at = coalesce(a.building_at, now()),
        percent = CASE WHEN d.ended = ${to(sql, COMPLETE_ATTEMPT)} THEN 100 ELSE greatest(a.percent, least(coalesce(d.percent, 0), 99)) END,
        text = coalesce(d.text, a.text), phases = coalesce(d.phases, a.phases)
      FROM decided d
      WHERE a.job_id = d.job_id AND a.attempt = d.attempt AND a.fence = d.fence AND a.status IN ${from(sql, ...ATTEMPT_ENDS)} AND a.last_sequence >= d.last_sequence
      RETURNING a.job_id, a.attempt, d.ended, d.again, d.requeue_below
    ), moved AS (
      UPDATE jobs j SET
        status = CASE WHEN t.again THEN ${to(sql, REQUEUE_JOB)} ELSE t.ended END,
        finished_at = CASE WHEN t.again THEN NULL ELSE now() END,
        queued_at = CASE WHEN t.again THEN now() ELSE j.queued_at END,
        lost = CASE WHEN t.requeue_below > 0 THEN j.lost + 1 ELSE j.lost END,
        agent_id = CASE WHEN t.again THEN NULL ELSE j.agent_id END,
        fence = j.fence + 1
      FROM told t WHERE j.job_id = t.job_id
      RETURNING j.job_id, j.run_id, t.attempt, j.name, j.status
    ), closer AS (
      UPDATE jobs d SET unmet = d.unmet - n.met
      FROM (
        SELECT x.job_id, count(*) AS met FROM moved m JOIN jobs x ON x.run_id = m.run_id AND m.name = ANY (x.needs)
        WHERE m.status = ${to(sql, COMPLETE_JOB)} GROUP BY 1
      ) n WHERE d.job_id = n.job_id
    )
    SELECT job_id, run_id, attempt, name, status FROM moved`;
}

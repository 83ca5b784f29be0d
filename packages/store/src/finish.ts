import type { AttemptReference, Failure, Progress } from '@kiln/protocol/agent-messages.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { JobStatus, RunStatus } from '@kiln/protocol/states.ts';
import type { Queryable, Transaction } from './database.ts';

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

export interface FinishedJob {
  jobId: string;
  runId: string;
  attempt: number;
  name: string;
  status: JobStatus;
}

/**
 * Ends attempts under their fences and moves their jobs along the legal edges: completed stays completed unless somebody
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
          WHEN j.status = 'cancelling' THEN 'cancelled'
          WHEN g.outcome = 'cancelled' THEN 'failed'
          ELSE g.outcome END AS ended,
        j.status <> 'cancelling' AND g.outcome = 'failed' AND coalesce(j.lost + 1 < g.requeue_below, j.attempt < ${MOST_STOPPED}) AS again
      FROM given g JOIN jobs j ON j.job_id = g.job_id AND j.attempt = g.attempt AND j.fence = g.fence
      WHERE j.status IN ('started', 'building', 'cancelling')
    ), told AS (
      UPDATE attempts a SET status = d.ended, finished_at = now(), failure = CASE WHEN d.ended = 'completed' THEN NULL ELSE d.failure END,
        building_at = coalesce(a.building_at, now()),
        percent = CASE WHEN d.ended = 'completed' THEN 100 ELSE greatest(a.percent, least(coalesce(d.percent, 0), 99)) END,
        text = coalesce(d.text, a.text), phases = coalesce(d.phases, a.phases)
      FROM decided d
      WHERE a.job_id = d.job_id AND a.attempt = d.attempt AND a.fence = d.fence AND a.finished_at IS NULL AND a.last_sequence >= d.last_sequence
      RETURNING a.job_id, a.attempt, d.ended, d.again, d.requeue_below
    ), moved AS (
      UPDATE jobs j SET
        status = CASE WHEN t.again THEN 'queued' ELSE t.ended END,
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
        WHERE m.status = 'completed' GROUP BY 1
      ) n WHERE d.job_id = n.job_id
    )
    SELECT job_id, run_id, attempt, name, status FROM moved`;
}

/** Locks the runs of these jobs, in order, before anything of theirs changes: whoever changes a run holds its row. */
export async function lockRuns(sql: Transaction, jobIds: readonly string[]): Promise<void> {
  await sql`SELECT 1 FROM runs WHERE run_id IN (SELECT run_id FROM jobs WHERE job_id = ANY (${jobIds as string[]}::uuid[])) ORDER BY run_id FOR UPDATE`;
}

/** A run and how its jobs stand, to decide what becomes of it. */
export interface RunStanding {
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

/** How the runs of these jobs stand now. */
export async function runStandings(sql: Queryable, jobIds: readonly string[]): Promise<RunStanding[]> {
  return await sql<RunStanding[]>`
    SELECT r.run_id, r.request_id, r.recipe, r.version, r.status, r.attempt, r.traceparent, r.started_at, j.*,
      CASE WHEN j.held = 0 THEN jsonb_build_object('retries', r.compiled->'retries', 'publish', r.compiled->'publish') END AS terms,
      CASE WHEN j.failed > 0 THEN (
        SELECT a.failure FROM jobs f JOIN attempts a ON a.job_id = f.job_id AND a.attempt = f.attempt
        WHERE f.run_id = r.run_id AND f.status = 'failed' ORDER BY f.position LIMIT 1) END AS failure
    FROM runs r, LATERAL (
      SELECT count(*) AS jobs,
        count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE status IN ('started', 'building', 'cancelling')) AS held,
        count(*) FILTER (WHERE status = 'queued' AND unmet = 0) AS claimable
      FROM jobs WHERE run_id = r.run_id) j
    WHERE r.run_id IN (SELECT run_id FROM jobs WHERE job_id = ANY (${jobIds as string[]}::uuid[]))`;
}

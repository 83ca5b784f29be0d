import { randomUUID } from 'node:crypto';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { isFinishedRun, type RunStatus } from '@kiln/protocol/states.ts';
import type { Database, Transaction } from './database.ts';

/** What the router knows when an event becomes a run. */
export interface NewRun {
  eventId: string;
  requestId: string;
  recipe: CompiledRecipe;
  version: string;
  ref: string | null;
  commit: string | null;
  /** tag, push, schedule, manual or after. */
  trigger: string;
  by: string;
  eventTime: Date;
  traceparent: string | null;
}

/**
 * Makes a run with its jobs, once for each event and recipe: a second call answers with the first run. Runs made one after
 * another in one transaction keep that order, so their times are the clock's, not the transaction's.
 */
export async function createRun(sql: Transaction, run: NewRun): Promise<{ runId: string; created: boolean }> {
  const runId = randomUUID();
  const jobs = run.recipe.jobs.map((job, position) => ({ job_id: randomUUID(), position, name: job.name, spec: job }));
  // The jobs have rows of their own; the rest of the recipe stays small, since every job's end reads it.
  const compiled = JSON.stringify({ ...run.recipe, jobs: [] });
  const inserted = await sql`
    INSERT INTO runs (run_id, event_id, request_id, recipe, version, ref, commit_hash, priority, concurrency, trigger, requested_by, compiled, event_time, traceparent, created_at)
    VALUES (${runId}, ${run.eventId}, ${run.requestId}, ${run.recipe.name}, ${run.version}, ${run.ref}, ${run.commit}, ${run.recipe.priority},
            ${run.recipe.concurrency}, ${run.trigger}, ${run.by}, ${compiled}::text::jsonb, ${run.eventTime}, ${run.traceparent}, clock_timestamp())
    ON CONFLICT (event_id, recipe) DO NOTHING`;
  if (inserted.count === 0) {
    const [first] = await sql<
      { runId: string }[]
    >`SELECT run_id FROM runs WHERE event_id = ${run.eventId} AND recipe = ${run.recipe.name}`;
    return { runId: first?.runId ?? runId, created: false };
  }
  await sql`
    INSERT INTO jobs (job_id, run_id, position, name, spec, labels, needs, unmet, priority, queued_at, created_at)
    SELECT job_id, ${runId}, position, name, spec, ARRAY(SELECT jsonb_array_elements_text(spec->'labels')),
           ARRAY(SELECT jsonb_array_elements_text(spec->'needs')), jsonb_array_length(spec->'needs'), ${run.recipe.priority}, now_.at, now_.at
    FROM jsonb_to_recordset(${JSON.stringify(jobs)}::text::jsonb) AS j(job_id uuid, position int, name text, spec jsonb), (SELECT clock_timestamp() AS at) now_`;
  return { runId, created: true };
}

export type StateChange = { ok: true; status: RunStatus } | { ok: false; from: RunStatus } | { ok: false; from: null };

/**
 * Asks for a run to end. Queued jobs are cancelled at once, held ones become `cancelling` and their agents are told
 * (publish SUBJECTS.cancel afterwards). A failed run that waits for its next try waits no more.
 */
export async function requestCancel(db: Database, runId: string, by: string): Promise<StateChange> {
  return await db.begin(async (sql) => {
    const [run] = await sql<
      { status: RunStatus; retryAt: Date | null }[]
    >`SELECT status, retry_at FROM runs WHERE run_id = ${runId} FOR UPDATE`;
    if (!run) return { ok: false, from: null };
    if (run.status === 'failed' && run.retryAt) {
      await sql`UPDATE runs SET retry_at = NULL WHERE run_id = ${runId}`;
      await sql`UPDATE backoff SET next_retry = NULL WHERE run_id = ${runId}`;
      return { ok: true, status: 'failed' };
    }
    if (run.status === 'cancelling') return { ok: true, status: 'cancelling' };
    if (run.status === 'publishing' || isFinishedRun(run.status)) return { ok: false, from: run.status };
    const reason = `cancelled by ${by}`;
    await sql`UPDATE jobs SET status = 'cancelled', finished_at = now(), cancel_reason = ${reason} WHERE run_id = ${runId} AND status = 'queued'`;
    const held = await sql`
      UPDATE jobs SET status = 'cancelling', cancel_reason = ${reason}, cancel_requested_at = now()
      WHERE run_id = ${runId} AND status IN ('started', 'building')`;
    const status: RunStatus = held.count > 0 ? 'cancelling' : 'cancelled';
    await sql`
      UPDATE runs SET status = ${status}, finished_at = CASE WHEN ${status} = 'cancelled' THEN now() END,
        failure = ${JSON.stringify({ message: reason })}::text::jsonb
      WHERE run_id = ${runId}`;
    return { ok: true, status };
  });
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
    UPDATE jobs SET status = 'queued', queued_at = now(), finished_at = NULL, started_at = NULL, agent_id = NULL, lost = 0
    WHERE run_id = ${runId} AND status = 'failed'`;
  const status: RunStatus = queued.count > 0 ? 'queued' : 'publishing';
  await sql`
    UPDATE runs SET status = ${status}, attempt = attempt + 1, retry_at = NULL, finished_at = NULL, failure = NULL, leased_by = NULL, lease_expires_at = NULL
    WHERE run_id = ${runId}`;
  return { ok: true, status };
}

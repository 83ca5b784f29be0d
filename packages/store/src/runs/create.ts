import { randomUUID } from 'node:crypto';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Transaction } from '../database.ts';

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

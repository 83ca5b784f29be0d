import { randomUUID } from 'node:crypto';
import {
  ATTEMPT_STATUSES,
  type AttemptStatus,
  HELD_JOB_STATUSES,
  isFinishedJob,
  isFinishedRun,
  JOB_STATUSES,
  type JobStatus,
  RUN_STATUSES,
  type RunStatus,
} from '@kiln/protocol/states.ts';
import type { Database } from '../database.ts';
import { testAgent, testJob, testRecipe } from '../test-run.ts';

/** A run with one job, which has one attempt or none: one combination of states. */
export interface Combination {
  runId: string;
  jobId: string;
  run: RunStatus;
  job: JobStatus;
  attempt: AttemptStatus | null;
}

/** A farm that has a run in every combination of states, the impossible ones included. */
export interface StateFarm {
  db: Database;
  /** The event of all runs. */
  event: { eventId: string; requestId: string };
  /** Holds every job that is held. */
  agent: { agentId: string; name: string; labels: string[] };
  combinations: Combination[];
}

/** The number of the attempt that a combination has, and the fence of it and of its run. */
export const SEEDED = { attempt: 1, fence: 1 };

/** Makes one run in every combination of states. Leases, fences and times are such that nothing but a status is in the way. */
export async function seedStates(db: Database): Promise<StateFarm> {
  await db`DELETE FROM runs`;
  await db`DELETE FROM backoff`;
  const agent = await testAgent(db);
  const event = { eventId: randomUUID(), requestId: randomUUID() };
  await db`
    INSERT INTO events (event_id, request_id, source, delivery_id, name, routing_key, payload, status)
    VALUES (${event.eventId}, ${event.requestId}, 'manual', ${event.eventId}, 'build', 'all', '{}', 'done')`;
  const combinations = RUN_STATUSES.flatMap((run) =>
    JOB_STATUSES.flatMap((job) =>
      [null, ...ATTEMPT_STATUSES].map((attempt) => ({ runId: randomUUID(), jobId: randomUUID(), run, job, attempt })),
    ),
  );
  const rows = combinations.map(({ runId, jobId, run, job, attempt }) => ({
    run_id: runId,
    job_id: jobId,
    run,
    run_ended: isFinishedRun(run),
    job,
    job_ended: isFinishedJob(job),
    held: HELD_JOB_STATUSES.some((status) => status === job),
    attempt,
    attempt_ended: attempt !== null && attempt !== 'started' && attempt !== 'building',
  }));
  const given = db`jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS g(run_id uuid, job_id uuid, run text, run_ended boolean,
    job text, job_ended boolean, held boolean, attempt text, attempt_ended boolean)`;
  const { attempt, fence } = SEEDED;
  await db`
    INSERT INTO runs (run_id, event_id, request_id, recipe, version, trigger, requested_by, compiled, event_time, status, finished_at, retry_at, fence)
    SELECT run_id, ${event.eventId}, ${event.requestId}, run_id::text, '1', 'manual', 'test', ${JSON.stringify(testRecipe('all'))}::text::jsonb, now(), run,
      CASE WHEN run_ended THEN now() END, CASE WHEN run = 'failed' THEN now() END, ${fence}
    FROM ${given}`;
  await db`
    INSERT INTO jobs (job_id, run_id, position, name, spec, labels, needs, unmet, priority, status, attempt, fence, agent_id, finished_at)
    SELECT job_id, run_id, 0, 'build', ${JSON.stringify(testJob('build'))}::text::jsonb, '{}', '{}', 0, 0, job, ${attempt}, ${fence},
      CASE WHEN held THEN ${agent.agentId}::uuid END, CASE WHEN job_ended THEN now() END
    FROM ${given}`;
  await db`
    INSERT INTO attempts (job_id, attempt, fence, agent_id, agent_name, status, finished_at)
    SELECT job_id, ${attempt}, ${fence}, ${agent.agentId}::uuid, 'tester', attempt, CASE WHEN attempt_ended THEN now() END
    FROM ${given} WHERE attempt IS NOT NULL`;
  return { db, event, agent, combinations };
}

/** `jobs: started → building`. */
export function arrow(table: string, from: string, to: string): string {
  return `${table}: ${from} → ${to}`;
}

/** Every change of status since a farm was seeded, each once and in order. What was not there before comes from `new`. */
export async function changesOf({ db, combinations }: StateFarm): Promise<string[]> {
  const runs = new Map(combinations.map(({ runId, run }) => [runId, run]));
  const jobs = new Map(combinations.map(({ jobId, job }) => [jobId, job]));
  const attempts = new Map(combinations.map(({ jobId, attempt }) => [jobId, attempt]));
  const now = [
    ...(await db<{ id: string; status: string }[]>`SELECT run_id AS id, status FROM runs`).map(({ id, status }) => ({
      table: 'runs',
      before: runs.get(id),
      status,
    })),
    ...(await db<{ id: string; status: string }[]>`SELECT job_id AS id, status FROM jobs`).map(({ id, status }) => ({
      table: 'jobs',
      before: jobs.get(id),
      status,
    })),
    ...(
      await db<{ id: string; attempt: number; status: string }[]>`SELECT job_id AS id, attempt, status FROM attempts`
    ).map(({ id, attempt, status }) => ({
      table: 'attempts',
      before: attempt === SEEDED.attempt ? attempts.get(id) : null,
      status,
    })),
  ];
  const changed = now.filter(({ before, status }) => before !== status);
  return [...new Set(changed.map(({ table, before, status }) => arrow(table, before ?? 'new', status)))].sort();
}

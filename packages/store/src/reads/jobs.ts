import type { Failure, PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { AttemptSummary, JobDetail } from '@kiln/protocol/api.ts';
import type { JobStatus, RunStatus } from '@kiln/protocol/states.ts';
import type { Queryable } from '../database.ts';
import type { Fragment } from './runs.ts';
import { iso } from './time.ts';
import { readWaitingAgents, whyWaiting } from './waiting.ts';

interface JobRow {
  jobId: string;
  runId: string;
  name: string;
  status: JobStatus;
  attempt: number;
  labels: string[];
  needs: string[];
  unmet: number;
  createdAt: Date;
  startedAt: Date | null;
  finishedAt: Date | null;
}

interface AttemptRow {
  jobId: string;
  attempt: number;
  status: JobStatus;
  agentId: string | null;
  agentName: string | null;
  startedAt: Date;
  finishedAt: Date | null;
  failure: Failure | null;
  phases: PhaseReport[];
  percent: number;
  text: string;
  lines: number;
  logBytes: number;
}

interface ArtifactRow {
  jobId: string;
  path: string;
  bytes: number;
  sha256: string;
  attempt: number;
}

interface RunRow {
  recipe: string;
  status: RunStatus;
  concurrency: number | null;
  inProgress: number;
}

/** A job and the run that it is a piece of. */
export type JobOfRun = JobDetail & { runId: string };

/** One job with its attempts, or null. */
export async function readJob(sql: Queryable, jobId: string): Promise<JobOfRun | null> {
  const [row] = await sql<{ runId: string }[]>`SELECT run_id FROM jobs WHERE job_id = ${jobId}`;
  if (!row) return null;
  const jobs = await readJobs(sql, row.runId);
  return jobs.find((job) => job.jobId === jobId) ?? null;
}

/** The jobs of a run in their order, each with its attempts (oldest first), artifacts and why it waits. */
export async function readJobs(sql: Queryable, runId: string): Promise<JobOfRun[]> {
  const ofRun: Fragment = sql`(SELECT job_id FROM jobs WHERE run_id = ${runId})`;
  const [jobs, attempts, artifacts, runs, agents] = await Promise.all([
    sql<JobRow[]>`
      SELECT job_id, run_id, name, status, attempt, labels, needs, unmet, created_at, started_at, finished_at
      FROM jobs WHERE run_id = ${runId} ORDER BY position`,
    sql<AttemptRow[]>`
      SELECT job_id, attempt, status, agent_id, agent_name, started_at, finished_at, failure, phases, percent, text, lines, log_bytes
      FROM attempts WHERE job_id IN ${ofRun} ORDER BY attempt`,
    sql<ArtifactRow[]>`
      SELECT job_id, path, bytes, sha256, attempt FROM artifacts WHERE job_id IN ${ofRun} ORDER BY attempt, path`,
    sql<RunRow[]>`
      SELECT r.recipe, r.status, r.concurrency,
        (SELECT count(*) FROM runs o WHERE o.recipe = r.recipe AND o.status IN ('building', 'publishing', 'cancelling')) AS in_progress
      FROM runs r WHERE r.run_id = ${runId}`,
    readWaitingAgents(sql),
  ]);
  const [run] = runs;
  if (!run) return [];
  const statuses = new Map(jobs.map((job) => [job.name, job.status]));
  return jobs.map(({ unmet, ...job }) => ({
    ...job,
    waiting: whyWaiting({ ...job, unmet }, { ...run, jobs: statuses }, agents),
    createdAt: iso(job.createdAt),
    startedAt: iso(job.startedAt),
    finishedAt: iso(job.finishedAt),
    attempts: attempts.filter((attempt) => attempt.jobId === job.jobId).map(toAttempt),
    artifacts: artifacts.filter((artifact) => artifact.jobId === job.jobId).map(({ jobId: _, ...rest }) => rest),
  }));
}

function toAttempt({ jobId: _, ...row }: AttemptRow): AttemptSummary {
  return {
    ...row,
    startedAt: iso(row.startedAt),
    finishedAt: iso(row.finishedAt),
    failure: row.failure ? wholeFailure(row.failure) : null,
    logFile: `${row.attempt}.log`,
  };
}

/** A failure with every field, however few of them were known to whoever wrote it. */
export function wholeFailure(failure: Partial<Failure>): Failure {
  return {
    class: failure.class ?? 'Agent Error',
    message: failure.message ?? '',
    phase: failure.phase ?? null,
    step: failure.step ?? null,
    line: failure.line ?? null,
    lineText: failure.lineText ?? null,
    exitCode: failure.exitCode ?? null,
    signal: failure.signal ?? null,
  };
}

import type { AttemptSummary, JobDetail, RunDetail } from '@kiln/protocol/api.ts';
import { isFinishedJob } from '@kiln/protocol/states.ts';
import { type LogParams, parseLogParams } from './log-params.ts';

/** What of a run the address selects, and what of the log. */
export interface RunSearch extends LogParams {
  job?: string;
  attempt?: string;
  panel?: Panel;
}

export const PANELS = ['details', 'artifacts', 'timeline'] as const;
export type Panel = (typeof PANELS)[number];

/** Reads the search part of a run's address; what it does not know is left out. */
export function parseRunSearch(search: Record<string, unknown>): RunSearch {
  const found: RunSearch = parseLogParams(search);
  if (typeof search.job === 'string') found.job = search.job;
  if (typeof search.attempt === 'string' && /^\d+$/.test(search.attempt)) found.attempt = search.attempt;
  const panel = PANELS.find((each) => each === search.panel);
  if (panel) found.panel = panel;
  return found;
}

/** The job to show: the one asked for, else one that failed, else one in progress, else the last that ran. */
export function pickJob(run: RunDetail, name: string | undefined): JobDetail | null {
  const jobs = run.jobList;
  return (
    jobs.find((job) => job.name === name) ??
    jobs.find((job) => job.status === 'failed') ??
    jobs.find((job) => job.status !== 'queued' && !isFinishedJob(job.status)) ??
    jobs.findLast((job) => job.attempts.length > 0) ??
    jobs[0] ??
    null
  );
}

/** The attempt to show: the one asked for, else the latest. Null while there is none. */
export function pickAttempt(job: JobDetail | null, attempt: string | undefined): AttemptSummary | null {
  if (!job) return null;
  return job.attempts.find((each) => String(each.attempt) === attempt) ?? latestAttempt(job);
}

/** The newest attempt of a job. */
export function latestAttempt(job: JobDetail): AttemptSummary | null {
  return job.attempts.reduce<AttemptSummary | null>(
    (latest, each) => (latest && latest.attempt > each.attempt ? latest : each),
    null,
  );
}

/** The job whose failure the run tells about, with the attempt that failed. */
export function failedJob(run: RunDetail): { job: JobDetail; attempt: AttemptSummary } | null {
  for (const job of run.jobList) {
    const attempt = latestAttempt(job);
    if (attempt?.failure) return { job, attempt };
  }
  return null;
}

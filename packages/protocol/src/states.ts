/**
 * The one table of legal job states, shared by the API, the store, the dashboard and the tests.
 * No imports: the dashboard bundles this file.
 */

/** Every status a job can have, in the order a healthy job meets them. */
export const JOB_STATUSES = [
  'queued',
  'started',
  'building',
  'cancelling',
  'completed',
  'failed',
  'cancelled',
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Every status a run can have. `publishing` is a run's own: its jobs are completed, its packages not yet out. */
export const RUN_STATUSES = [
  'queued',
  'building',
  'publishing',
  'completed',
  'failed',
  'cancelling',
  'cancelled',
] as const;
export type RunStatus = (typeof RUN_STATUSES)[number];

/** From each job status, the statuses that it may become. Everything else is refused with 409 `{from,to}`. */
export const JOB_EDGES: Readonly<Record<JobStatus, readonly JobStatus[]>> = {
  queued: ['started', 'cancelled'],
  started: ['building', 'failed', 'cancelling'],
  building: ['completed', 'failed', 'cancelling', 'queued'],
  cancelling: ['cancelled', 'failed'],
  completed: [],
  failed: ['queued'],
  cancelled: [],
};

/** Whether a job may go from one status to another. */
export function isLegalJobEdge(from: JobStatus, to: JobStatus): boolean {
  return JOB_EDGES[from].includes(to);
}

/** A job that will not change again unless somebody asks for a rebuild or a retry is due. */
export function isFinishedJob(status: JobStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** A run that will not change again unless somebody asks for a rebuild or a retry is due. */
export function isFinishedRun(status: RunStatus): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** The waits between a failure and the next try, in seconds: 1m, 5m, 15m, 1h, 6h, 24h; the last one repeats. */
export const BACKOFF_SECONDS: readonly number[] = [60, 300, 900, 3600, 21600, 86400];

/** How long to wait after the n-th consecutive failure (n ≥ 1), in seconds. */
export function backoffSeconds(failures: number, schedule: readonly number[] = BACKOFF_SECONDS): number {
  const index = Math.min(Math.max(failures, 1), schedule.length) - 1;
  return schedule[index] ?? 86400;
}

/** Levels of a log line, quietest first. A frame stores the index. */
export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Why a job failed, as the agent or the orchestrator saw it. The dashboard shows the text beside each class. */
export const FAILURE_CLASSES = {
  'Command Failed': 'A command of the recipe ended with an error. Read the log from the first error line.',
  'Command Killed': 'A command was ended by a signal. If nobody sent it, look at the memory and the units of the host.',
  Timeout: 'The limit was exceeded. Make the build shorter or the limit longer.',
  'Checkout Failed':
    'The upstream could not be fetched. Check its address, its credentials and the network of the agent.',
  'Artifacts Missing': 'A pattern of `artifacts` matched no file. Compare it with what the build really made.',
  'Agent Lost':
    'The agent stopped answering and did not come back. The job is tried again on another one while attempts are left.',
  'Agent Error': 'The agent could not do its part (disk, permissions, start of a process). Its message says what.',
  'Publish Failed': 'The outputs are safe in staging; publishing is tried again without a rebuild.',
} as const;
export type FailureClass = keyof typeof FAILURE_CLASSES;

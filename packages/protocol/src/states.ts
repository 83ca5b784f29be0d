/**
 * The tables of legal states of runs, jobs and attempts, shared by the API, the store, the dashboard and the tests. The
 * statements of the store take their states from here, and a test drives each of them against each state.
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

/** The statuses of a job that an agent has. */
export const HELD_JOB_STATUSES = ['started', 'building', 'cancelling'] as const satisfies readonly JobStatus[];

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

/** The statuses of a run that is not finished. */
export const OPEN_RUN_STATUSES = [
  'queued',
  'building',
  'publishing',
  'cancelling',
] as const satisfies readonly RunStatus[];

/** Every status an attempt can have. A job that is tried again gets a new attempt; the old one stays as it ended. */
export const ATTEMPT_STATUSES = ['started', 'building', 'completed', 'failed', 'cancelled'] as const;
export type AttemptStatus = (typeof ATTEMPT_STATUSES)[number];

/** From each status, what it may become, with a sentence that says when it does. Nothing else ever happens. */
export type Edges<Status extends string> = Readonly<Record<Status, Readonly<Partial<Record<Status, string>>>>>;

/** What becomes of jobs. A new one is `queued`. */
export const JOB_EDGES = {
  queued: {
    started: 'It is given to an agent.',
    cancelled: 'Its run is cancelled before an agent has it.',
  },
  started: {
    building: 'Its agent begins the first step.',
    queued: 'Its agent is lost or stopped, and the job has tries left.',
    completed: 'It ended well, and its agent was cut off when it would have told of the first step.',
    failed: 'It failed before its first step, such as in the checkout, or its lost agents are too many.',
    cancelling: 'Its run is cancelled; the agent is told to end it.',
  },
  building: {
    queued: 'Its agent is lost or stopped, and the job has tries left.',
    completed: 'All its steps ended well.',
    failed: 'A step failed, a limit was exceeded, or its lost agents are too many.',
    cancelling: 'Its run is cancelled; the agent is told to end it.',
  },
  cancelling: {
    cancelled: 'Its attempt ended, however it did.',
  },
  completed: {},
  failed: {
    queued: 'Its run is tried again, by the clock or by hand.',
  },
  cancelled: {},
} as const satisfies Edges<JobStatus>;

/** What becomes of runs. A new one is `queued`. */
export const RUN_EDGES = {
  queued: {
    building: 'The first of its jobs is given to an agent.',
    cancelled: 'It is cancelled while no agent has a job of it.',
  },
  building: {
    publishing: 'All its jobs are completed, and its recipe publishes something.',
    completed: 'All its jobs are completed, and its recipe publishes nothing.',
    failed: 'A job failed, and no other one can go on.',
    cancelling: 'It is cancelled while agents have jobs of it.',
    cancelled: 'It is cancelled while no agent has a job of it.',
  },
  publishing: {
    completed: 'Its packages are out.',
    failed: 'They could not be published; the outputs stay staged.',
  },
  completed: {},
  failed: {
    queued: 'It is tried again, by the clock or by hand: its failed jobs are.',
    publishing: 'It is tried again and none of its jobs had failed: only publishing is.',
  },
  cancelling: {
    cancelled: 'The last of its jobs that an agent had is ended.',
  },
  cancelled: {},
} as const satisfies Edges<RunStatus>;

/** What becomes of attempts. A new one is `started`. */
export const ATTEMPT_EDGES = {
  started: {
    building: 'Its agent begins the first step.',
    completed: 'It ended well, and its agent was cut off when it would have told of the first step.',
    failed: 'It failed before its first step, or its agent is lost or stopped.',
    cancelled: 'Its job was cancelled, and it ended.',
  },
  building: {
    completed: 'All its steps ended well.',
    failed: 'A step failed, a limit was exceeded, or its agent is lost or stopped.',
    cancelled: 'Its job was cancelled, and it ended.',
  },
  completed: {},
  failed: {},
  cancelled: {},
} as const satisfies Edges<AttemptStatus>;

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

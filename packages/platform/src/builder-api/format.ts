import { isFinishedJob, JOB_EDGES, JOB_STATUSES, type JobStatus } from '@kiln/protocol/states.ts';
import type { BuildInfo, BuildMetadata, BuildProgress } from '@kiln/protocol/vm-build.ts';
import type { TaskStanding } from '@kiln/store/reads/tasks.ts';

/** Labels that say what kind of thing a job builds. */
const KINDS = ['vm', 'hardware', 'container'];
/** Less than this is nothing to judge the rest of a build by. */
const LEAST_PERCENT = 5;

/** What is built, and for whom. */
export function buildInfoOf(task: TaskStanding): BuildInfo {
  const kind = KINDS.find((label) => task.labels.includes(label));
  return {
    client: task.requestedBy,
    platform: kind ?? (task.publishes ? 'package' : 'generic'),
    image: `${task.recipe}@${task.version}`,
    build_type: task.name,
  };
}

/** The id of one attempt at a task. */
export function sessionOf(taskId: string, attempt: number): string {
  return `${taskId}.${attempt}`;
}

/** How long the build took and where its packages are, as far as that is known. `farm` is the farm's address. */
export function metadataOf(task: TaskStanding, farm: string): BuildMetadata {
  const { startedAt, finishedAt, repository, status } = task;
  const took = startedAt && finishedAt ? Math.round((finishedAt.getTime() - startedAt.getTime()) / 1000) : null;
  const isThere = status === 'completed' && repository !== null;
  return { build_time_seconds: took, download_url: isThere ? `${farm}/repo/${encodeURIComponent(repository)}/` : null };
}

/** One sentence about what a task has come to. */
export function messageOf(task: TaskStanding, status: JobStatus): string {
  const agent = task.agentName ?? 'an agent';
  switch (status) {
    case 'queued':
      return task.attempt > 0 ? 'Waiting for another attempt' : 'Waiting for an agent';
    case 'started':
      return `Given to ${agent}`;
    case 'building':
      return `Building on ${agent}`;
    case 'cancelling':
      return 'The build is being cancelled';
    case 'completed':
      return 'Build completed successfully';
    case 'failed':
      return task.failure ?? 'Build failed';
    case 'cancelled':
      return task.cancelReason ? `Build cancelled: ${task.cancelReason}` : 'Build cancelled';
  }
}

/** How far a task is. */
export function progressOf(task: TaskStanding, now: number): BuildProgress {
  const { status, phases, text } = task;
  const frame = { queued: 'Queued', completed: 'Complete', failed: 'Failed', cancelled: 'Cancelled' } as const;
  const phase = phases.find(({ state }) => state === 'running') ?? phases.find(({ state }) => state === 'waiting');
  const name =
    status === 'queued' || isFinishedJob(status) ? frame[status as keyof typeof frame] : (phase?.name ?? 'Starting');
  const step = phase?.steps.find(({ state }) => state === 'running')?.name;
  return {
    percentage: status === 'queued' ? 0 : status === 'completed' ? 100 : Math.floor(Math.min(99, task.percent)),
    stage: name
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-|-$/g, ''),
    stage_name: name,
    current_step: isFinishedJob(status) ? messageOf(task, status) : (step ?? text),
    estimated_remaining: remainingOf(task, now),
  };
}

/** By what the part that is done took; null while there is nothing to judge by. */
function remainingOf({ status, startedAt, percent }: TaskStanding, now: number): string | null {
  if (!startedAt || status !== 'building' || percent < LEAST_PERCENT || percent >= 100) return null;
  const seconds = (((now - startedAt.getTime()) / 1000) * (100 - percent)) / percent;
  return durationText(seconds);
}

/** `8m 30s`, `45s`, `2h 5m`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours > 0) return `${hours}h ${minutes}m`;
  return minutes > 0 ? `${minutes}m ${rest}s` : `${rest}s`;
}

/**
 * The statuses that a task went through from one look to the next, the last one included: the shortest way over legal
 * changes, so that a reader sees each of them however quick it was.
 */
export function wayBetween(from: JobStatus, to: JobStatus): JobStatus[] {
  const ways: JobStatus[][] = [[from]];
  const seen = new Set<JobStatus>([from]);
  for (const way of ways) {
    for (const next of stepsFrom(way.at(-1) ?? from)) {
      if (next === to) return [...way.slice(1), next];
      if (seen.has(next)) continue;
      seen.add(next);
      ways.push([...way, next]);
    }
  }
  return [to];
}

/** What readers are shown may follow: a job that completed, or was lost and goes back, is shown to have built before. */
function stepsFrom(status: JobStatus): JobStatus[] {
  const hidden: readonly JobStatus[] = status === 'started' ? ['completed', 'queued'] : [];
  return JOB_STATUSES.filter((next) => next in JOB_EDGES[status] && !hidden.includes(next));
}

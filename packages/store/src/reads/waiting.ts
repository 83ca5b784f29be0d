import type { JobStatus, RunStatus } from '@kiln/protocol/states.ts';
import type { Queryable } from '../database.ts';

/** A job as far as its waiting goes. */
export interface WaitingJob {
  status: JobStatus;
  labels: readonly string[];
  needs: readonly string[];
  /** Needs that are not completed yet. */
  unmet: number;
}

/** The run of the job, and the jobs of that run by name. */
export interface WaitingRun {
  recipe: string;
  status: RunStatus;
  concurrency: number | null;
  /** Runs of the same recipe that are in progress. */
  inProgress: number;
  jobs: ReadonlyMap<string, JobStatus>;
}

/** A connected agent. */
export interface WaitingAgent {
  name: string;
  labels: readonly string[];
  slots: number;
  busy: number;
}

/** Why a queued job waits, in one sentence; empty for a job that is not queued. */
export function whyWaiting(job: WaitingJob, run: WaitingRun, agents: readonly WaitingAgent[]): string {
  if (job.status !== 'queued') return '';
  if (job.unmet > 0) {
    const open = job.needs.filter((name) => run.jobs.get(name) !== 'completed');
    return `waits for ${open.length === 1 ? 'job' : 'the jobs'} ${open.join(', ')}`;
  }
  if (run.status === 'queued' && run.concurrency !== null && run.inProgress >= run.concurrency) {
    const limit = run.concurrency === 1 ? 'one run' : `${run.concurrency} runs`;
    return `recipe ${run.recipe} allows ${limit} at once, and ${run.inProgress === 1 ? 'one is' : `${run.inProgress} are`} in progress`;
  }
  return whyNoAgent(job.labels, agents);
}

function whyNoAgent(labels: readonly string[], agents: readonly WaitingAgent[]): string {
  if (agents.length === 0) return 'no agent is connected';
  const fitting = agents.filter((agent) => labels.every((label) => agent.labels.includes(label)));
  if (fitting.length === 0) {
    const missing = labels.filter((label) => !agents.some((agent) => agent.labels.includes(label)));
    if (missing.length === 1) return `no connected agent has the label ${missing[0]}`;
    if (missing.length > 1) return `no connected agent has any of the labels ${missing.join(', ')}`;
    return `no connected agent has all of the labels ${labels.join(', ')}`;
  }
  if (fitting.every((agent) => agent.busy >= agent.slots)) {
    if (fitting.length === 1) return `${fitting[0]?.name}, the only fitting agent, is busy`;
    return `all ${fitting.length} fitting agents are busy`;
  }
  return 'is about to start';
}

/** The agents that could be given a job now, with how much they do. */
export async function readWaitingAgents(sql: Queryable): Promise<WaitingAgent[]> {
  return await sql<WaitingAgent[]>`
    SELECT g.name, g.labels, g.slots,
      (SELECT count(*) FROM jobs j WHERE j.agent_id = g.agent_id AND j.status IN ('started', 'building', 'cancelling')) AS busy
    FROM agents g WHERE g.instance IS NOT NULL ORDER BY g.name`;
}

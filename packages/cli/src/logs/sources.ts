import type { JobAnswer, JobDetail, RunDetail, RunList } from '@kiln/protocol/api.ts';
import { isFinishedJob, isFinishedRun } from '@kiln/protocol/states.ts';
import { ApiFailure, type Client } from '../client.ts';
import { CliError } from '../errors.ts';
import { findRun } from '../find-run.ts';
import { parseTarget } from '../start-run.ts';

/** Whose logs are read: all jobs of a run, or one job. */
export type LogSource = { kind: 'run'; runId: string } | { kind: 'job'; jobId: string };

/** What is to be read now. */
export interface LogJobs {
  jobs: JobDetail[];
  /** Whether nothing more is going to happen. */
  finished: boolean;
}

const ID = /^[0-9a-fA-F][0-9a-fA-F-]{3,35}$/;

/**
 * What a person means: the id of a run or at least four characters of it, the id of a job, or the name of a recipe, which
 * stands for its newest run. Throws a CliError that says what to write instead.
 */
export async function findSource(client: Client, given: string): Promise<LogSource> {
  if (!ID.test(given)) return await newestRun(client, given);
  if (given.length === 36) {
    if (await exists(client, `/api/runs/${given}`)) return { kind: 'run', runId: given };
    if (await exists(client, `/api/jobs/${given}`)) return { kind: 'job', jobId: given };
    throw new CliError(`there is no run and no job ${given}`);
  }
  return { kind: 'run', runId: await findRun(client, given) };
}

/** The jobs of a source as they are now; only the one of this name when there is one. Throws a CliError that names the others. */
export async function readJobs(client: Client, source: LogSource, name: string | null): Promise<LogJobs> {
  if (source.kind === 'job') {
    const job = await client.get<JobAnswer>(`/api/jobs/${source.jobId}`);
    return { jobs: [job], finished: isFinishedJob(job.status) };
  }
  const run = await client.get<RunDetail>(`/api/runs/${source.runId}`);
  const jobs = run.jobList.filter((job) => name === null || job.name === name);
  if (jobs.length === 0 && name !== null) {
    throw new CliError(`the run has no job "${name}"; there are ${run.jobList.map((job) => job.name).join(', ')}`);
  }
  const finished = isFinishedRun(run.status) || (name !== null && jobs.every((job) => isFinishedJob(job.status)));
  return { jobs, finished };
}

async function newestRun(client: Client, given: string): Promise<LogSource> {
  const { recipe, version } = parseTarget(given);
  const { runs } = await client.get<RunList>('/api/runs', { recipe, version, limit: 1 });
  const [run] = runs;
  if (!run) {
    throw new CliError(`"${given}" is no id of a run or a job, and no recipe that ran; kiln runs shows what there is`);
  }
  return { kind: 'run', runId: run.runId };
}

async function exists(client: Client, path: string): Promise<boolean> {
  try {
    await client.get(path);
    return true;
  } catch (error) {
    if (error instanceof ApiFailure && error.status === 404) return false;
    throw error;
  }
}

import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Transaction } from '@kiln/store/database.ts';
import { type NewFrame, storeFrames } from '@kiln/store/frames.ts';
import { sayLastWords } from '@kiln/store/last-words.ts';
import { type ClaimedJob, claimJobs } from '@kiln/store/runs/claim.ts';
import { type FinishedJob, finishAttempts } from '@kiln/store/runs/finish.ts';
import { reportProgress } from '@kiln/store/runs/progress.ts';
import { lockRuns, summarizeRuns } from '@kiln/store/runs/run-summaries.ts';
import { addMilestones, type Milestone } from '@kiln/store/timeline.ts';
import { type Decision, decideRuns, type Finalized, finalizeRuns } from '../runs/finalize.ts';
import type { Batch } from './batch.ts';

/** An agent that may be given jobs with this batch. */
export interface Candidate {
  agentId: string;
  name: string;
  labels: readonly string[];
  /** Attempts that it holds now. */
  held: ReadonlySet<string>;
  slots: number;
}

/** What one transaction did, to be told after the commit. */
export interface Committed {
  stored: { jobId: string; attempt: number; lastSequence: number }[];
  /** The ends of logs that no agent could end. */
  lastWords: NewFrame[];
  reported: { jobId: string; runId: string }[];
  finished: FinishedJob[];
  finalized: Finalized[];
  claimed: { agentId: string; jobs: ClaimedJob[] }[];
}

export interface Author {
  service: string;
  instance: string;
  recipes: readonly CompiledRecipe[];
}

/**
 * One batch's work, in the order that keeps a log whole: frames, progress, last words, new jobs, what becomes of the runs.
 * The statements go out without waiting for each other's answers, so a batch costs two round trips however much it does.
 */
export async function commitBatch(
  sql: Transaction,
  batch: Batch,
  candidates: readonly Candidate[],
  author: Author,
): Promise<Committed> {
  const ending = batch.finishes.map((finish) => finish.jobId);
  const changing = [...batch.reports.filter((report) => report.building).map((report) => report.jobId), ...ending];
  const freed = new Set(ending);
  const lost = await endLogs(sql, batch, changing);
  const [, , stored, reported, finished, standings, ...claims] = await Promise.all([
    // The same statements each time: left to itself the server plans some of them anew for every batch, which takes longer than they do.
    sql`SET LOCAL plan_cache_mode = force_generic_plan`.execute(),
    lost || changing.length === 0 ? undefined : lockRuns(sql, changing),
    lost ? lost.stored : batch.frames.length > 0 ? storeFrames(sql, batch.frames) : [],
    batch.reports.length > 0 ? reportProgress(sql, batch.reports) : [],
    ending.length > 0 ? finishAttempts(sql, batch.finishes) : [],
    ending.length > 0 ? summarizeRuns(sql, ending) : [],
    ...byFreeSlots(candidates, freed).map(async (candidate) => ({
      agentId: candidate.agentId,
      jobs: await claimJobs(sql, candidate, freeSlots(candidate, freed)),
    })),
  ]);
  const claimed = claims.filter((claim) => claim.jobs.length > 0);
  const ended = new Set(finished.map((job) => job.runId));
  const decisions = decideRuns(standings.filter((run) => ended.has(run.runId)));
  const [finalized] = await Promise.all([
    finalizeRuns(sql, decisions, author.recipes),
    addMilestones(sql, milestones(finished, decisions, claimed, candidates, author)),
  ]);
  return { stored, lastWords: lost?.lastWords ?? [], reported, finished, finalized, claimed };
}

/** Where a log has to be ended: stores what there is of it and then its last line, which takes round trips of their own. */
async function endLogs(
  sql: Transaction,
  { frames, finishes }: Batch,
  changing: readonly string[],
): Promise<Pick<Committed, 'stored' | 'lastWords'> | null> {
  if (!finishes.some((finish) => finish.lastWords !== undefined)) return null;
  await lockRuns(sql, changing);
  const stored = frames.length > 0 ? await storeFrames(sql, frames) : [];
  return { stored, lastWords: await sayLastWords(sql, finishes) };
}

function freeSlots(candidate: Candidate, freed: ReadonlySet<string>): number {
  let busy = 0;
  for (const jobId of candidate.held) if (!freed.has(jobId)) busy++;
  return candidate.slots - busy;
}

/** The idlest agent first, so that work spreads. */
function byFreeSlots(candidates: readonly Candidate[], freed: ReadonlySet<string>): Candidate[] {
  return candidates
    .map((candidate) => ({ candidate, free: freeSlots(candidate, freed) }))
    .filter(({ free }) => free > 0)
    .sort((a, b) => b.free - a.free)
    .map(({ candidate }) => candidate);
}

function milestones(
  finished: readonly FinishedJob[],
  decisions: readonly Decision[],
  claimed: Committed['claimed'],
  candidates: readonly Candidate[],
  { service, instance }: Author,
): Milestone[] {
  const runs = new Map(decisions.map(({ run }) => [run.runId, run]));
  const names = new Map(candidates.map((candidate) => [candidate.agentId, candidate.name]));
  return [
    ...finished.flatMap((job) => {
      const run = runs.get(job.runId);
      if (!run) return [];
      return [
        {
          requestId: run.requestId,
          runId: job.runId,
          jobId: job.jobId,
          service,
          instance,
          name: `job.${job.status}`,
          message: `job ${job.name}, attempt ${job.attempt}: ${job.status}`,
          detail: { attempt: job.attempt },
        },
      ];
    }),
    ...decisions
      .filter(({ outcome }) => outcome !== 'open')
      .map(({ run, outcome, message }) => ({
        requestId: run.requestId,
        runId: run.runId,
        service,
        instance,
        name: `run.${outcome}`,
        message,
        detail: {},
      })),
    ...claimed.flatMap(({ agentId, jobs }) =>
      jobs.map((job) => ({
        requestId: job.requestId,
        runId: job.runId,
        jobId: job.jobId,
        service,
        instance,
        name: 'job.dispatched',
        message: `job ${job.spec.name}, attempt ${job.attempt}, was given to ${names.get(agentId) ?? agentId}`,
        // /status counts the builds by this.
        detail: { attempt: job.attempt, agentId, ...(job.startsRun ? { startsBuild: true } : {}) },
      })),
    ),
  ];
}

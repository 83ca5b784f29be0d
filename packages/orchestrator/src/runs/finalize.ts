import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Transaction } from '@kiln/store/database.ts';
import { beginPublishing, completeRuns, endCancelled, failRun } from '@kiln/store/runs/finalize.ts';
import type { RunSummary } from '@kiln/store/runs/run-summaries.ts';
import { afterRunEvents } from '../route/after.ts';

/** What becomes of a run when one of its jobs ended. `open`: it goes on. */
export interface Decision {
  run: RunSummary;
  outcome: 'open' | 'completed' | 'publishing' | 'failed' | 'cancelled';
  message: string;
}

/** Of a run that goes on nobody asks. */
const NEVER: CompiledRecipe['retries'] = { max: 0, backoffSeconds: [] };

/** A decision that was carried out. */
export interface Finalized extends Decision {
  /** When it will be tried again, for a failed one. */
  retryAt: Date | null;
  failures: number;
  /** Whether other recipes wait for its success, so that there are events to route. */
  hasFollowers: boolean;
}

/** Decides what becomes of runs whose jobs just ended. */
export function decideRuns(standings: readonly RunSummary[]): Decision[] {
  return standings.map((run) => {
    const outcome = outcomeOf(run);
    return { run, outcome, message: messageOf(run, outcome) };
  });
}

/** Writes decisions down, in the transaction that ended the jobs. */
export async function finalizeRuns(
  sql: Transaction,
  decisions: readonly Decision[],
  recipes: readonly CompiledRecipe[],
): Promise<Finalized[]> {
  const those = (outcome: Decision['outcome']) => decisions.filter((d) => d.outcome === outcome).map((d) => d.run);
  const [failures, followers] = await Promise.all([
    Promise.all(
      those('failed').map(async (run) => ({
        run,
        ...(await failRun(sql, { ...run, retries: run.terms?.retries ?? NEVER }, failureOf(run))),
      })),
    ),
    completeAndFollow(sql, those('completed'), recipes),
    beginPublishing(sql, idsOf(those('publishing'))),
    endCancelled(sql, idsOf(those('cancelled'))),
  ]);
  return decisions.map((decision) => {
    const failed = failures.find(({ run }) => run === decision.run);
    return {
      ...decision,
      retryAt: failed?.retryAt ?? null,
      failures: failed?.failures ?? 0,
      hasFollowers: decision.outcome === 'completed' && followers > 0,
    };
  });
}

function outcomeOf(run: RunSummary): Decision['outcome'] {
  if (run.status !== 'building' && run.status !== 'cancelling') return 'open';
  if (run.completed === run.jobs && run.status === 'building') return run.terms?.publish ? 'publishing' : 'completed';
  if (run.held > 0) return 'open';
  if (run.status === 'cancelling') return 'cancelled';
  if (run.claimable > 0) return 'open';
  return run.failed > 0 ? 'failed' : 'cancelled';
}

function failureOf(run: RunSummary): { message: string } {
  return run.failure ?? { message: 'a job failed' };
}

function messageOf(run: RunSummary, outcome: Decision['outcome']): string {
  const name = `${run.recipe} ${run.version}`;
  switch (outcome) {
    case 'open':
      return `${name} goes on`;
    case 'publishing':
      return `${name} is built; publishing begins`;
    case 'completed':
      return `${name} is completed`;
    case 'cancelled':
      return `${name} was cancelled`;
    case 'failed':
      return `${name} failed: ${failureOf(run).message}`;
  }
}

/** What completing needs to know of a run. */
export type Completed = Pick<RunSummary, 'runId' | 'requestId' | 'recipe' | 'version' | 'traceparent'>;

/**
 * Marks runs completed, forgets their failures and starts what waits for their success. Returns how many
 * events that made: publish SUBJECTS.event after the commit.
 */
export async function completeAndFollow(
  sql: Transaction,
  runs: readonly Completed[],
  recipes: readonly CompiledRecipe[],
): Promise<number> {
  const [events] = await Promise.all([
    Promise.all(runs.map(async (run) => await afterRunEvents(sql, run, recipes))),
    completeRuns(sql, idsOf(runs)),
  ]);
  return events.reduce((sum, count) => sum + count, 0);
}

function idsOf(runs: readonly Pick<RunSummary, 'runId'>[]): string[] {
  return runs.map((run) => run.runId);
}

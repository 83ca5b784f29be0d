import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { backoffSeconds } from '@kiln/protocol/states.ts';
import type { Transaction } from '@kiln/store/database.ts';
import type { RunStanding } from '@kiln/store/finish.ts';
import { afterRunEvents } from '../route/after.ts';

/** What becomes of a run when one of its jobs ended. `open`: it goes on. */
export interface Decision {
  run: RunStanding;
  outcome: 'open' | 'completed' | 'publishing' | 'failed' | 'cancelled';
  message: string;
}

/** Of a run that goes on nobody asks. */
const NEVER: CompiledRecipe['retries'] = { max: 0, backoffSeconds: [] };

/** A decision that was carried out. */
export interface Settled extends Decision {
  /** When it will be tried again, for a failed one. */
  retryAt: Date | null;
  failures: number;
  /** Whether other recipes wait for its success, so that there are events to route. */
  hasFollowers: boolean;
}

/** Decides what becomes of runs whose jobs just ended. */
export function decideRuns(standings: readonly RunStanding[]): Decision[] {
  return standings.map((run) => {
    const outcome = outcomeOf(run);
    return { run, outcome, message: messageOf(run, outcome) };
  });
}

/** Writes decisions down, in the transaction that ended the jobs. */
export async function settleRuns(
  sql: Transaction,
  decisions: readonly Decision[],
  recipes: readonly CompiledRecipe[],
): Promise<Settled[]> {
  const those = (outcome: Decision['outcome']) => decisions.filter((d) => d.outcome === outcome).map((d) => d.run);
  const [failures, followers] = await Promise.all([
    Promise.all(
      those('failed').map(async (run) => ({
        run,
        ...(await failRun(sql, { ...run, retries: run.terms?.retries ?? NEVER }, failureOf(run))),
      })),
    ),
    completeRuns(sql, those('completed'), recipes),
    beginPublishing(sql, those('publishing')),
    cancelRuns(sql, those('cancelled')),
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

function outcomeOf(run: RunStanding): Decision['outcome'] {
  if (run.completed === run.jobs && run.status === 'building') return run.terms?.publish ? 'publishing' : 'completed';
  if (run.held > 0) return 'open';
  if (run.status === 'cancelling') return 'cancelled';
  if (run.claimable > 0) return 'open';
  return run.failed > 0 ? 'failed' : 'cancelled';
}

function failureOf(run: RunStanding): { message: string } {
  return run.failure ?? { message: 'a job failed' };
}

function messageOf(run: RunStanding, outcome: Decision['outcome']): string {
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

async function beginPublishing(sql: Transaction, runs: readonly RunStanding[]): Promise<void> {
  if (runs.length > 0)
    await sql`UPDATE runs SET status = 'publishing' WHERE run_id = ANY (${runs.map((run) => run.runId)}::uuid[])`;
}

async function cancelRuns(sql: Transaction, runs: readonly RunStanding[]): Promise<void> {
  if (runs.length > 0)
    await sql`UPDATE runs SET status = 'cancelled', finished_at = now() WHERE run_id = ANY (${runs.map((run) => run.runId)}::uuid[])`;
}

/** What completing needs to know of a run. */
export type Completed = Pick<RunStanding, 'runId' | 'requestId' | 'recipe' | 'version' | 'traceparent'>;

/**
 * Marks runs completed, forgets their failures and starts what waits for their success. Returns how many
 * events that made: publish SUBJECTS.event after the commit.
 */
export async function completeRuns(
  sql: Transaction,
  runs: readonly Completed[],
  recipes: readonly CompiledRecipe[],
): Promise<number> {
  if (runs.length === 0) return 0;
  const runIds = runs.map((run) => run.runId);
  const [events] = await Promise.all([
    Promise.all(runs.map(async (run) => await afterRunEvents(sql, run, recipes))),
    sql`
      UPDATE runs SET status = 'completed', finished_at = now(), failure = NULL, retry_at = NULL, leased_by = NULL, lease_expires_at = NULL
      WHERE run_id = ANY (${runIds}::uuid[])`,
    sql`DELETE FROM backoff b USING runs r WHERE r.run_id = ANY (${runIds}::uuid[]) AND b.recipe = r.recipe AND b.version = r.version`,
  ]);
  return events.reduce((sum, count) => sum + count, 0);
}

/**
 * Marks a run failed, counts the failure of its version and says when it is tried again. Null: never by itself, since its
 * retries are used up or the failure is `final`.
 */
export async function failRun(
  sql: Transaction,
  run: Pick<RunStanding, 'runId' | 'recipe' | 'version' | 'attempt'> & Pick<CompiledRecipe, 'retries'>,
  failure: object,
  { final = false } = {},
): Promise<{ failures: number; retryAt: Date | null }> {
  const { max, backoffSeconds: schedule } = run.retries;
  const again = !final && (max === null || run.attempt <= max);
  const [counted] = await sql<{ failures: number }[]>`
    INSERT INTO backoff AS b (recipe, version, failures, run_id) VALUES (${run.recipe}, ${run.version}, 1, ${run.runId})
    ON CONFLICT (recipe, version) DO UPDATE SET failures = b.failures + 1, run_id = excluded.run_id, failed_at = now()
    RETURNING failures`;
  const failures = counted?.failures ?? 1;
  const retryAt = again ? new Date(Date.now() + backoffSeconds(failures, schedule) * 1000) : null;
  await sql`UPDATE backoff SET next_retry = ${retryAt} WHERE recipe = ${run.recipe} AND version = ${run.version}`;
  await sql`
    UPDATE runs SET status = 'failed', finished_at = now(), retry_at = ${retryAt}, failure = ${JSON.stringify(failure)}::text::jsonb,
      leased_by = NULL, lease_expires_at = NULL
    WHERE run_id = ${run.runId}`;
  return { failures, retryAt };
}

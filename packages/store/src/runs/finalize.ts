import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { backoffSeconds } from '@kiln/protocol/states.ts';
import type { Transaction } from '../database.ts';
import { edge, from, to } from '../edges.ts';
import { PUBLISH_LEASES } from './publish-lease.ts';

/** What the end of its last job, or of its publishing, changes about a run. */
export const PUBLISH_RUN = edge('runs', ['building'], 'publishing');
export const COMPLETE_RUN = edge('runs', ['building', 'publishing'], 'completed');
export const FAIL_RUN = edge('runs', ['building', 'publishing'], 'failed');
export const CANCEL_RUN = edge('runs', ['building', 'cancelling'], 'cancelled');

/** Lets built runs be published. Publish SUBJECTS.publish after the commit. */
export async function beginPublishing(sql: Transaction, runIds: readonly string[]): Promise<void> {
  if (runIds.length === 0) return;
  await sql`
    UPDATE runs SET status = ${to(sql, PUBLISH_RUN)}
    WHERE run_id = ANY (${[...runIds]}::uuid[]) AND status IN ${from(sql, PUBLISH_RUN)}`;
}

/** Ends runs whose jobs did as they were told and stopped. */
export async function endCancelled(sql: Transaction, runIds: readonly string[]): Promise<void> {
  if (runIds.length === 0) return;
  await sql`
    UPDATE runs SET status = ${to(sql, CANCEL_RUN)}, finished_at = now()
    WHERE run_id = ANY (${[...runIds]}::uuid[]) AND status IN ${from(sql, CANCEL_RUN)}`;
}

/** Marks runs completed and forgets the failures of their versions. */
export async function completeRuns(sql: Transaction, runIds: readonly string[]): Promise<void> {
  if (runIds.length === 0) return;
  await sql`
    WITH completed AS (
      UPDATE runs SET status = ${to(sql, COMPLETE_RUN)}, finished_at = now(), failure = NULL, retry_at = NULL, ${PUBLISH_LEASES.ended(sql)}
      WHERE run_id = ANY (${[...runIds]}::uuid[]) AND status IN ${from(sql, COMPLETE_RUN)}
      RETURNING recipe, version
    )
    DELETE FROM backoff b USING completed c WHERE b.recipe = c.recipe AND b.version = c.version`;
}

/** A failed run's outlook. */
export interface FailedRun {
  /** How often its version failed since it last succeeded. */
  failures: number;
  /** When it is tried again; null: never by itself. */
  retryAt: Date | null;
}

/**
 * Marks a run failed, counts the failure of its version and says when it is tried again: never by itself when its retries
 * are used up or the failure is `final`. Null when the run is not under way; then nothing changes.
 */
export async function failRun(
  sql: Transaction,
  { runId, attempt, retries }: { runId: string; attempt: number } & Pick<CompiledRecipe, 'retries'>,
  failure: object,
  { final = false } = {},
): Promise<FailedRun | null> {
  const [counted] = await sql<{ failures: number }[]>`
    INSERT INTO backoff AS b (recipe, version, failures, run_id)
    SELECT recipe, version, 1, run_id FROM runs WHERE run_id = ${runId} AND status IN ${from(sql, FAIL_RUN)} FOR UPDATE
    ON CONFLICT (recipe, version) DO UPDATE SET failures = b.failures + 1, run_id = excluded.run_id, failed_at = now()
    RETURNING failures`;
  if (!counted) return null;
  const again = !final && (retries.max === null || attempt <= retries.max);
  const waitSeconds = again ? backoffSeconds(counted.failures, retries.backoffSeconds) : null;
  const [failed] = await sql<{ retryAt: Date | null }[]>`
    WITH failed AS (
      UPDATE runs SET status = ${to(sql, FAIL_RUN)}, finished_at = now(), retry_at = now() + ${waitSeconds}::float8 * interval '1 second',
        failure = ${JSON.stringify(failure)}::text::jsonb, ${PUBLISH_LEASES.ended(sql)}
      WHERE run_id = ${runId} AND status IN ${from(sql, FAIL_RUN)}
      RETURNING recipe, version, retry_at
    ), told AS (
      UPDATE backoff b SET next_retry = f.retry_at FROM failed f WHERE b.recipe = f.recipe AND b.version = f.version
    )
    SELECT retry_at FROM failed`;
  return { failures: counted.failures, retryAt: failed?.retryAt ?? null };
}

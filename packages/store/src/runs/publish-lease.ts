import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Queryable, Transaction } from '../database.ts';
import { among } from '../edges.ts';

/** A crash in the middle of a publish delays it by this many milliseconds; the lease is renewed four times as often. */
export const PUBLISH_LEASE_MS = 20_000;

/** A built run under the lease of the one orchestrator that publishes it. */
export interface PublishingRun {
  runId: string;
  requestId: string;
  recipe: string;
  version: string;
  attempt: number;
  compiled: CompiledRecipe;
  traceparent: string | null;
  fence: number;
}

/** The right to write about a run that is being published. */
export type PublishLease = Pick<PublishingRun, 'runId' | 'fence'>;

/** Leases the run to publish next: by priority, then age. Others can lease at the same time; none gets the same run. */
export async function leasePublishing(sql: Queryable, instance: string): Promise<PublishingRun | null> {
  const [run] = await sql<PublishingRun[]>`
    UPDATE runs SET leased_by = ${instance}, lease_expires_at = now() + ${PUBLISH_LEASE_MS} * interval '1 millisecond', fence = fence + 1
    WHERE run_id = (
      SELECT run_id FROM runs WHERE status IN ${among(sql, ['publishing'])} AND (lease_expires_at IS NULL OR lease_expires_at < now())
      ORDER BY priority DESC, created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING run_id, request_id, recipe, version, attempt, compiled, traceparent, fence`;
  return run ?? null;
}

/** Keeps a lease for longer. One that was lost stays lost. */
export async function renewPublishing(sql: Queryable, { runId, fence }: PublishLease): Promise<void> {
  await sql`
    UPDATE runs SET lease_expires_at = now() + ${PUBLISH_LEASE_MS} * interval '1 millisecond'
    WHERE run_id = ${runId} AND fence = ${fence} AND status IN ${among(sql, ['publishing'])}`;
}

/** Holds a lease until the transaction ends, for whatever is written under it. False: another orchestrator has the run now. */
export async function holdPublishing(sql: Transaction, { runId, fence }: PublishLease): Promise<boolean> {
  const held = await sql`
    SELECT 1 FROM runs WHERE run_id = ${runId} AND fence = ${fence} AND status IN ${among(sql, ['publishing'])} FOR UPDATE`;
  return held.length > 0;
}

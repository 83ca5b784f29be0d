import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Queryable } from '../database.ts';
import { among } from '../edges.ts';
import { type Lease, LeaseTable } from '../lease.ts';

/** A crash in the middle of a publish delays it by this many milliseconds. */
const LEASE_MS = 20_000;

/** Built runs are published under leases. Whatever ends the publishing of a run ends its lease. */
export const PUBLISH_LEASES = new LeaseTable('runs', ['runId'], LEASE_MS);

/** A built run under the lease of the one orchestrator that publishes it. */
export interface PublishingRun extends Lease<'runId'> {
  runId: string;
  requestId: string;
  recipe: string;
  version: string;
  attempt: number;
  compiled: CompiledRecipe;
  traceparent: string | null;
}

/** Leases the run to publish next: by priority, then age. Others can lease at the same time; none gets the same run. */
export async function leasePublishing(sql: Queryable, instance: string): Promise<PublishingRun | null> {
  const [run] = await sql<PublishingRun[]>`
    WITH due AS (
      SELECT run_id FROM runs r WHERE status IN ${among(sql, ['publishing'])} AND ${PUBLISH_LEASES.isFree(sql, 'r')}
      ORDER BY priority DESC, created_at LIMIT 1 FOR UPDATE SKIP LOCKED
    )
    ${PUBLISH_LEASES.lease(sql, instance)}
    RETURNING leased.run_id, request_id, recipe, version, attempt, compiled, traceparent, fence`;
  return run ?? null;
}

import type { Failure } from '@kiln/protocol/agent-messages.ts';
import type { RunDetail } from '@kiln/protocol/api.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { RunStatus } from '@kiln/protocol/states.ts';
import type { Queryable } from '../database.ts';
import { packagesOfRun } from '../packages.ts';
import { readJobs, wholeFailure } from './jobs.ts';
import { readRuns } from './runs.ts';
import { readTimeline } from './timeline.ts';

/** Everything about one run, or null when there is none with this id. */
export async function readRun(sql: Queryable, runId: string): Promise<RunDetail | null> {
  const [[summary], [row]] = await Promise.all([
    readRuns(sql, sql`SELECT * FROM runs WHERE run_id = ${runId}`),
    sql<{ failure: Partial<Failure> | null; compiled: CompiledRecipe }[]>`
      SELECT failure, compiled FROM runs WHERE run_id = ${runId}`,
  ]);
  if (!summary || !row) return null;
  // After the status: what is told as completed has its packages, and the ends of its jobs.
  const [jobList, packages, timeline] = await Promise.all([
    readJobs(sql, runId),
    packagesOfRun(sql, runId),
    // The request may have made other runs as well: theirs are their own story.
    readTimeline(
      sql,
      sql`request_id = (SELECT request_id FROM runs WHERE run_id = ${runId}) AND (run_id IS NULL OR run_id = ${runId})`,
    ),
  ]);
  const { max } = row.compiled.retries;
  return {
    ...summary,
    failure: row.failure && summary.status === 'failed' ? wholeFailure(row.failure) : null,
    retriesLeft: max === null ? null : Math.max(0, max + 1 - summary.attempt),
    jobList: jobList.map(({ runId: _, ...job }) => job),
    packages,
    timeline,
    actions: actionsOf(summary.status, summary.retryAt !== null),
  };
}

/** What may be done with a run now. A failed one that waits for its next try can be told not to. */
export function actionsOf(status: RunStatus, waitsForRetry: boolean): RunDetail['actions'] {
  if (status === 'queued' || status === 'building') return ['cancel'];
  if (status === 'failed') return waitsForRetry ? ['cancel', 'retry'] : ['retry'];
  return [];
}

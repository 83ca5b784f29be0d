import type { AttemptReference, Progress } from '@kiln/protocol/agent-messages.ts';
import type { Transaction } from '../database.ts';
import { among, edge, from, to } from '../edges.ts';

const BUILD_ATTEMPT = edge('attempts', ['started'], 'building');
const BUILD_JOB = edge('jobs', ['started'], 'building');

/** What the first step of an attempt changes. */
export const PROGRESS_EDGES = [BUILD_ATTEMPT, BUILD_JOB];

/** An attempt in one of these has not ended. */
const RUNNING = [...BUILD_ATTEMPT.from, BUILD_ATTEMPT.to];

/** How far an attempt is, as its agent says. */
export interface ProgressReport extends AttemptReference {
  progress: Progress;
  /** The first step is about to run: started → building. */
  building: boolean;
}

/**
 * Writes how far attempts are. Percent never goes back and stays under 100 until the job is completed. A report
 * under a stale fence changes nothing. Returns the jobs that were changed, with their runs.
 */
export async function reportProgress(
  sql: Transaction,
  reports: readonly ProgressReport[],
): Promise<{ jobId: string; runId: string }[]> {
  const json = JSON.stringify(
    reports.map((r) => ({
      job_id: r.jobId,
      attempt: r.attempt,
      fence: r.fence,
      building: r.building,
      percent: r.progress.percent,
      text: r.progress.text,
      phases: r.progress.phases,
    })),
  );
  return await sql<{ jobId: string; runId: string }[]>`
    WITH given AS (
      SELECT * FROM jsonb_to_recordset(${json}::text::jsonb)
        AS g(job_id uuid, attempt int, fence int8, building boolean, percent float8, text text, phases jsonb)
    ), told AS (
      UPDATE attempts a SET percent = greatest(a.percent, least(g.percent, 99)), text = g.text, phases = g.phases,
        status = CASE WHEN g.building AND a.status IN ${from(sql, BUILD_ATTEMPT)} THEN ${to(sql, BUILD_ATTEMPT)} ELSE a.status END,
        building_at = CASE WHEN g.building THEN coalesce(a.building_at, now()) ELSE a.building_at END
      FROM given g WHERE a.job_id = g.job_id AND a.attempt = g.attempt AND a.fence = g.fence AND a.status IN ${among(sql, RUNNING)}
      RETURNING a.job_id, g.building
    ), moved AS (
      UPDATE jobs j SET status = ${to(sql, BUILD_JOB)} FROM told t WHERE j.job_id = t.job_id AND t.building AND j.status IN ${from(sql, BUILD_JOB)}
    )
    SELECT j.job_id, j.run_id FROM told t JOIN jobs j ON j.job_id = t.job_id`;
}

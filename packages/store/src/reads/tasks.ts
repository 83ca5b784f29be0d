import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { JobStatus } from '@kiln/protocol/states.ts';
import type { Queryable } from '../database.ts';

/** How a task (a job) stands, with what the stream of builds tells of it. */
export interface TaskStanding {
  taskId: string;
  runId: string;
  status: JobStatus;
  /** 0 before the first one. */
  attempt: number;
  name: string;
  labels: string[];
  recipe: string;
  version: string;
  requestedBy: string;
  publishes: boolean;
  agentName: string | null;
  startedAt: Date | null;
  finishedAt: Date | null;
  percent: number;
  text: string;
  phases: PhaseReport[];
  failure: string | null;
  cancelReason: string | null;
  /** Where the run's packages are, once they are published. */
  repository: string | null;
}

/** How these tasks stand; one that is gone is missing. */
export async function readTasks(sql: Queryable, taskIds: readonly string[]): Promise<Map<string, TaskStanding>> {
  const rows = await sql<TaskStanding[]>`
    SELECT j.job_id AS task_id, j.run_id, j.status, j.attempt, j.name, j.labels, r.recipe, r.version, r.requested_by,
      jsonb_typeof(r.compiled->'publish') = 'object' AS publishes, a.agent_name, a.started_at, a.finished_at,
      coalesce(a.percent, 0)::float8 AS percent, coalesce(a.text, '') AS text, coalesce(a.phases, '[]') AS phases,
      a.failure->>'message' AS failure, j.cancel_reason,
      (SELECT min(p.repository) FROM packages p WHERE p.run_id = j.run_id) AS repository
    FROM jobs j JOIN runs r ON r.run_id = j.run_id LEFT JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempt
    WHERE j.job_id = ANY (${[...taskIds]}::uuid[])`;
  return new Map(rows.map((row) => [row.taskId, row]));
}

/**
 * The tasks that run now, and those that began or ended in the last ten seconds: whoever asks more often than that misses
 * none, however short it was.
 */
export async function readRecentTasks(
  sql: Queryable,
): Promise<{ taskId: string; attempt: number; isRunning: boolean }[]> {
  return await sql<{ taskId: string; attempt: number; isRunning: boolean }[]>`
    SELECT j.job_id AS task_id, j.attempt, j.status IN ('started', 'building', 'cancelling') AS is_running
    FROM jobs j JOIN runs r ON r.run_id = j.run_id
    WHERE (r.status IN ('queued', 'building', 'publishing', 'cancelling') OR r.finished_at > now() - interval '10 seconds')
      AND j.attempt > 0
      AND (j.status IN ('started', 'building', 'cancelling') OR j.started_at > now() - interval '10 seconds')
    ORDER BY j.started_at, j.job_id`;
}

/** The phases of an attempt, in the order that the indexes of its log lines mean. */
export async function readAttemptPhases(sql: Queryable, taskId: string, attempt: number): Promise<PhaseReport[]> {
  const [row] = await sql<{ phases: PhaseReport[] }[]>`
    SELECT phases FROM attempts WHERE job_id = ${taskId} AND attempt = ${attempt}`;
  return row?.phases ?? [];
}

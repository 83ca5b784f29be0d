import { HELD_JOB_STATUSES, type JobStatus } from '@kiln/protocol/states.ts';
import type { Queryable } from '../database.ts';
import { among } from '../edges.ts';

/** An attempt that an agent holds, as the database has it. */
export interface HeldAttempt {
  jobId: string;
  runId: string;
  attempt: number;
  fence: number;
  status: JobStatus;
  lastSequence: number;
  cancelReason: string | null;
}

/** The attempts that an agent holds, and how many lines of log each has. */
export async function heldAttempts(sql: Queryable, agentId: string): Promise<(HeldAttempt & { lines: number })[]> {
  return await sql<(HeldAttempt & { lines: number })[]>`
    SELECT j.job_id, j.run_id, j.attempt, j.fence, j.status, j.cancel_reason, a.last_sequence, a.lines
    FROM jobs j JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempt
    WHERE j.agent_id = ${agentId} AND j.status IN ${among(sql, HELD_JOB_STATUSES)}`;
}

/** What the agents connected to this orchestrator hold by the database for at least ten seconds. */
export async function heldHere(
  sql: Queryable,
  instance: string,
): Promise<(HeldAttempt & { agentId: string; agentName: string })[]> {
  return await sql<(HeldAttempt & { agentId: string; agentName: string })[]>`
    SELECT j.job_id, j.run_id, j.attempt, j.fence, j.status, j.cancel_reason, a.last_sequence, j.agent_id, g.name AS agent_name
    FROM jobs j JOIN agents g ON g.agent_id = j.agent_id JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempt
    WHERE j.status IN ${among(sql, HELD_JOB_STATUSES)} AND g.instance = ${instance} AND a.started_at < now() - interval '10 seconds'`;
}

/** Attempts to end by force, with the reason: their agent is silent for too long, or did not obey. */
export interface Overdue extends HeldAttempt {
  agentId: string | null;
  agentName: string | null;
  reason: 'lost' | 'deadline' | 'cancel';
}

/**
 * Finds overdue attempts. Silence is counted from the later of the agent's last word and `since` (when this
 * orchestrator started), so that a farm that was down gives its agents the whole grace to come back.
 */
export async function overdueAttempts(sql: Queryable, since: Date, graceMs: number): Promise<Overdue[]> {
  return await sql<Overdue[]>`
    SELECT j.job_id, j.run_id, j.attempt, j.fence, j.status, j.cancel_reason, a.last_sequence, j.agent_id, a.agent_name,
      CASE WHEN greatest(g.last_seen_at, ${since}) < now() - ${graceMs}::float8 * interval '1 millisecond' OR g.agent_id IS NULL THEN 'lost'
           WHEN j.status IN ${among(sql, ['cancelling'])} AND j.cancel_requested_at < now() - interval '60 seconds' THEN 'cancel'
           ELSE 'deadline' END AS reason
    FROM jobs j JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempt LEFT JOIN agents g ON g.agent_id = j.agent_id
    WHERE j.status IN ${among(sql, HELD_JOB_STATUSES)} AND (
      g.agent_id IS NULL
      OR greatest(g.last_seen_at, ${since}) < now() - ${graceMs}::float8 * interval '1 millisecond'
      OR (j.status IN ${among(sql, ['cancelling'])} AND j.cancel_requested_at < now() - interval '60 seconds')
      OR a.deadline < now())`;
}

/** Attempts whose jobs somebody cancelled and whose agents are connected to this orchestrator. */
export async function cancellingAttempts(
  sql: Queryable,
  instance: string,
): Promise<(HeldAttempt & { agentId: string })[]> {
  return await sql<(HeldAttempt & { agentId: string })[]>`
    SELECT j.job_id, j.run_id, j.attempt, j.fence, j.status, j.cancel_reason, j.agent_id, 0 AS last_sequence
    FROM jobs j JOIN agents g ON g.agent_id = j.agent_id WHERE j.status IN ${among(sql, ['cancelling'])} AND g.instance = ${instance}`;
}

import type { AgentHello } from '@kiln/protocol/agent-messages.ts';
import type { JobStatus } from '@kiln/protocol/states.ts';
import type { Queryable } from './database.ts';

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

/** Writes down that an agent is connected to this orchestrator. */
export async function connectAgent(
  sql: Queryable,
  agentId: string,
  hello: AgentHello,
  instance: string,
): Promise<void> {
  await sql`
    UPDATE agents SET name = ${hello.name}, host = ${hello.host}, os = ${hello.os}, arch = ${hello.arch}, version = ${hello.version},
      labels = ${hello.labels}, slots = ${hello.slots}, memory = ${hello.memory}, instance = ${instance}, connected_at = now(), last_seen_at = now()
    WHERE agent_id = ${agentId}`;
}

/** Writes down that its socket is closed, unless it has connected elsewhere since. */
export async function disconnectAgent(sql: Queryable, agentId: string, instance: string): Promise<void> {
  await sql`UPDATE agents SET instance = NULL, last_seen_at = now() WHERE agent_id = ${agentId} AND instance = ${instance}`;
}

/** Refreshes last_seen of every agent that is connected here. Returns those of these ids that are: the others connected elsewhere since. */
export async function seeAgents(sql: Queryable, agentIds: readonly string[], instance: string): Promise<Set<string>> {
  const seen = await sql<{ agentId: string }[]>`
    UPDATE agents SET last_seen_at = now() WHERE agent_id = ANY (${agentIds as string[]}::uuid[]) AND instance = ${instance}
    RETURNING agent_id`;
  return new Set(seen.map(({ agentId }) => agentId));
}

/** The attempts that an agent holds, and how many lines of log each has. */
export async function heldAttempts(sql: Queryable, agentId: string): Promise<(HeldAttempt & { lines: number })[]> {
  return await sql<(HeldAttempt & { lines: number })[]>`
    SELECT j.job_id, j.run_id, j.attempt, j.fence, j.status, j.cancel_reason, a.last_sequence, a.lines
    FROM jobs j JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempt
    WHERE j.agent_id = ${agentId} AND j.status IN ('started', 'building', 'cancelling')`;
}

/** What the agents connected to this orchestrator hold by the database for at least ten seconds. */
export async function heldHere(
  sql: Queryable,
  instance: string,
): Promise<(HeldAttempt & { agentId: string; agentName: string })[]> {
  return await sql<(HeldAttempt & { agentId: string; agentName: string })[]>`
    SELECT j.job_id, j.run_id, j.attempt, j.fence, j.status, j.cancel_reason, a.last_sequence, j.agent_id, g.name AS agent_name
    FROM jobs j JOIN agents g ON g.agent_id = j.agent_id JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempt
    WHERE j.status IN ('started', 'building', 'cancelling') AND g.instance = ${instance} AND a.started_at < now() - interval '10 seconds'`;
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
           WHEN j.status = 'cancelling' AND j.cancel_requested_at < now() - interval '60 seconds' THEN 'cancel'
           ELSE 'deadline' END AS reason
    FROM jobs j JOIN attempts a ON a.job_id = j.job_id AND a.attempt = j.attempt LEFT JOIN agents g ON g.agent_id = j.agent_id
    WHERE j.status IN ('started', 'building', 'cancelling') AND (
      g.agent_id IS NULL
      OR greatest(g.last_seen_at, ${since}) < now() - ${graceMs}::float8 * interval '1 millisecond'
      OR (j.status = 'cancelling' AND j.cancel_requested_at < now() - interval '60 seconds')
      OR a.deadline < now())`;
}

/** Attempts whose jobs somebody cancelled and whose agents are connected to this orchestrator. */
export async function cancellingAttempts(
  sql: Queryable,
  instance: string,
): Promise<(HeldAttempt & { agentId: string })[]> {
  return await sql<(HeldAttempt & { agentId: string })[]>`
    SELECT j.job_id, j.run_id, j.attempt, j.fence, j.status, j.cancel_reason, j.agent_id, 0 AS last_sequence
    FROM jobs j JOIN agents g ON g.agent_id = j.agent_id WHERE j.status = 'cancelling' AND g.instance = ${instance}`;
}

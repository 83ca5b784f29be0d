import type { AttemptReference } from '@kiln/protocol/agent-messages.ts';
import type { Queryable, Transaction } from './database.ts';

/** One staged output of an attempt. `path` is relative to the checkout, with `/`; sha256 is lower-case hex. */
export interface Artifact {
  jobId: string;
  attempt: number;
  path: string;
  bytes: number;
  sha256: string;
}

/**
 * The run of a job when this agent holds this very attempt of it, null otherwise. In a transaction with `lock` the
 * attempt can't pass to another agent before the end of that transaction.
 */
export async function runOfHeldAttempt(
  sql: Queryable,
  agentId: string,
  { jobId, attempt, fence }: AttemptReference,
  options: { lock: boolean },
): Promise<string | null> {
  const [row] = await sql<{ runId: string }[]>`
    SELECT run_id FROM jobs
    WHERE job_id = ${jobId} AND attempt = ${attempt} AND fence = ${fence} AND agent_id = ${agentId}
      AND status IN ('started', 'building', 'cancelling')
    ${options.lock ? sql`FOR SHARE` : sql``}`;
  return row?.runId ?? null;
}

/**
 * Records a staged output and gives the SHA-256 that is on record for its path: another one when that path of the attempt
 * was recorded before with other bytes, which stay on record.
 */
export async function recordArtifact(sql: Transaction, artifact: Artifact): Promise<string> {
  const { jobId, attempt, path, bytes, sha256 } = artifact;
  await sql`
    INSERT INTO artifacts (job_id, attempt, path, bytes, sha256) VALUES (${jobId}, ${attempt}, ${path}, ${bytes}, ${sha256})
    ON CONFLICT DO NOTHING`;
  const [row] = await sql<{ sha256: string }[]>`
    SELECT sha256 FROM artifacts WHERE job_id = ${jobId} AND attempt = ${attempt} AND path = ${path}`;
  return row?.sha256 ?? sha256;
}

/** Every output that a run ever staged, of all attempts, in the order of its jobs and then by path. */
export async function artifactsOfRun(sql: Queryable, runId: string): Promise<Artifact[]> {
  return await sql<Artifact[]>`
    SELECT a.job_id, a.attempt, a.path, a.bytes, a.sha256
    FROM artifacts a JOIN jobs j USING (job_id)
    WHERE j.run_id = ${runId} ORDER BY j.position, a.attempt, a.path`;
}

/** What a run has to publish: the outputs of the attempt that completed each of its jobs. */
export async function artifactsToPublish(sql: Queryable, runId: string): Promise<Artifact[]> {
  return await sql<Artifact[]>`
    SELECT a.job_id, a.attempt, a.path, a.bytes, a.sha256
    FROM artifacts a JOIN jobs j ON j.job_id = a.job_id AND j.attempt = a.attempt
    WHERE j.run_id = ${runId} AND j.status = 'completed' ORDER BY j.position, a.path`;
}

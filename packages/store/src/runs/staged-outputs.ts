import type { AttemptReference } from '@kiln/protocol/agent-messages.ts';
import { HELD_JOB_STATUSES } from '@kiln/protocol/states.ts';
import type { Queryable, Transaction } from '../database.ts';
import { among } from '../edges.ts';

/** One staged output of an attempt. `path` is relative to the checkout, with `/`; sha256 is lower-case hex. */
export interface Artifact {
  jobId: string;
  attempt: number;
  path: string;
  bytes: number;
  sha256: string;
  /** Where its bytes are in the place of blobs; null: in the staging folder of the orchestrator that took it. */
  key: string | null;
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
      AND status IN ${among(sql, HELD_JOB_STATUSES)}
    ${options.lock ? sql`FOR SHARE` : sql``}`;
  return row?.runId ?? null;
}

/**
 * Records a staged output and gives what is on record for its path: the one before, when that path of the attempt was
 * recorded already, whatever its bytes. Of two at once the second waits here for the first one's transaction.
 */
export async function recordArtifact(sql: Transaction, artifact: Artifact): Promise<Pick<Artifact, 'sha256' | 'key'>> {
  const { jobId, attempt, path, bytes, sha256, key } = artifact;
  await sql`
    INSERT INTO artifacts (job_id, attempt, path, bytes, sha256, key)
    VALUES (${jobId}, ${attempt}, ${path}, ${bytes}, ${sha256}, ${key}) ON CONFLICT DO NOTHING`;
  const [row] = await sql<Pick<Artifact, 'sha256' | 'key'>[]>`
    SELECT sha256, key FROM artifacts WHERE job_id = ${jobId} AND attempt = ${attempt} AND path = ${path}`;
  return row ?? { sha256, key };
}

/** A staged output of the same attempt that would have to be a folder of this path, or lie below it; null: there is none. */
export async function conflictingPath(
  sql: Queryable,
  { jobId, attempt, path }: Pick<Artifact, 'jobId' | 'attempt' | 'path'>,
): Promise<string | null> {
  const [row] = await sql<{ path: string }[]>`
    SELECT path FROM artifacts
    WHERE job_id = ${jobId} AND attempt = ${attempt}
      AND (starts_with(path, ${path} || '/') OR starts_with(${path}, path || '/')) LIMIT 1`;
  return row?.path ?? null;
}

/** Those of these keys that no staged output has. */
export async function unknownStagedKeys(sql: Queryable, keys: readonly string[]): Promise<string[]> {
  const rows = await sql<{ key: string }[]>`
    SELECT g.key FROM unnest(${keys}::text[]) AS g(key) LEFT JOIN artifacts a USING (key) WHERE a.key IS NULL`;
  return rows.map(({ key }) => key);
}

/** Every output that a run ever staged, of all attempts, in the order of its jobs and then by path. */
export async function artifactsOfRun(sql: Queryable, runId: string): Promise<Artifact[]> {
  return await sql<Artifact[]>`
    SELECT a.job_id, a.attempt, a.path, a.bytes, a.sha256, a.key
    FROM artifacts a JOIN jobs j USING (job_id)
    WHERE j.run_id = ${runId} ORDER BY j.position, a.attempt, a.path`;
}

/** What a run has to publish: the outputs of the attempt that completed each of its jobs. */
export async function artifactsToPublish(sql: Queryable, runId: string): Promise<Artifact[]> {
  return await sql<Artifact[]>`
    SELECT a.job_id, a.attempt, a.path, a.bytes, a.sha256, a.key
    FROM artifacts a JOIN jobs j ON j.job_id = a.job_id AND j.attempt = a.attempt
    WHERE j.run_id = ${runId} AND j.status IN ${among(sql, ['completed'])} ORDER BY j.position, a.path`;
}

/** A run whose staged outputs nobody will ask for; recipe and version are empty for a run that is gone itself. */
export interface EndedRun {
  runId: string;
  recipe: string;
  version: string;
}

/**
 * Of these runs those that are gone, or ended `ageMs` milliseconds ago or longer and will not publish what they staged. A failed
 * one may: a retry goes on with it.
 */
export async function doneWithOutputs(sql: Queryable, runIds: readonly string[], ageMs: number): Promise<EndedRun[]> {
  return await sql<EndedRun[]>`
    SELECT g.run_id, coalesce(r.recipe, '') AS recipe, coalesce(r.version, '') AS version
    FROM unnest(${[...runIds]}::uuid[]) AS g(run_id) LEFT JOIN runs r USING (run_id)
    WHERE r.run_id IS NULL
      OR (r.status IN ${among(sql, ['completed', 'cancelled'])} AND r.finished_at <= now() - ${ageMs}::float8 * interval '1 millisecond')`;
}

import { randomUUID } from 'node:crypto';
import { zstdCompressSync } from 'node:zlib';
import type { Failure } from '@kiln/protocol/agent-messages.ts';
import type { CompiledJob, CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { encodeFrame } from '@kiln/protocol/frame.ts';
import type { Database } from '../database.ts';
import { insertEvent } from '../events.ts';
import { type NewFrame, storeFrames } from '../frames.ts';
import { type ClaimedJob, claimJobs } from '../runs/claim.ts';
import { createRun } from '../runs/create.ts';
import { finishAttempts } from '../runs/finish.ts';
import { lockRuns } from '../runs/run-summaries.ts';

/** A job with one phase and one step, for tests. */
export function testJob(name: string, more: Partial<CompiledJob> = {}): CompiledJob {
  const step = {
    name: 'make',
    run: 'make',
    shell: 'sh',
    workingDirectory: null,
    environment: {},
    timeoutMs: null,
    continueOnError: false,
    always: false,
  } as const;
  return {
    name,
    needs: [],
    labels: [],
    environment: {},
    secrets: [],
    checkout: true,
    timeoutMs: 3_600_000,
    phases: [{ name: 'build', weight: 1, steps: [step] }],
    artifacts: [],
    logLimitBytes: 1e9,
    ...more,
  };
}

/** A recipe that watches nothing real, for tests. */
export function testRecipe(name: string, more: Partial<CompiledRecipe> = {}): CompiledRecipe {
  return {
    name,
    description: `The ${name} library`,
    upstream: {
      git: `https://git.example/org/${name}.git`,
      tags: 'v(?<version>.+)',
      versionTemplate: '${version}',
      minVersion: null,
      pollMs: 900_000,
      jitter: 0.1,
      webhook: true,
      repository: `org/${name}`,
      firstSight: 1,
    },
    triggers: ['tag', 'manual'],
    priority: 0,
    concurrency: null,
    retries: { max: null, backoffSeconds: [60, 300] },
    jobs: [testJob('build')],
    publish: { repository: 'main', package: name, files: ['*'], keep: 1 },
    ...more,
  };
}

/** Puts recipes into the roster, in this order. */
export async function seedRecipes(db: Database, recipes: readonly CompiledRecipe[]): Promise<void> {
  for (const [position, recipe] of recipes.entries()) {
    await db`
      INSERT INTO recipes (name, position, compiled)
      VALUES (${recipe.name}, ${position}, ${JSON.stringify(recipe)}::text::jsonb)`;
  }
}

/** Makes a run as the router does. */
export async function seedRun(
  db: Database,
  recipe: CompiledRecipe,
  version: string,
): Promise<{ runId: string; requestId: string; eventId: string }> {
  const { eventId, requestId } = await insertEvent(db, {
    source: 'manual',
    deliveryId: randomUUID(),
    name: 'build',
    routingKey: `recipe:${recipe.name}`,
    payload: { recipe: recipe.name, version, ref: null, commit: null, force: false, by: 'admin' },
  });
  const { runId } = await db.begin(
    async (sql) =>
      await createRun(sql, {
        eventId,
        requestId,
        recipe,
        version,
        ref: `refs/tags/v${version}`,
        commit: 'a'.repeat(40),
        trigger: 'manual',
        by: 'admin',
        eventTime: new Date(),
        traceparent: null,
      }),
  );
  return { runId, requestId, eventId };
}

/** Enrols an agent and shows it as connected. */
export async function seedAgent(db: Database, name: string, labels: string[] = [], slots = 2): Promise<string> {
  const agentId = randomUUID();
  await db`
    INSERT INTO agents (agent_id, name, labels, slots, instance, connected_at)
    VALUES (${agentId}, ${name}, ${labels}, ${slots}, 'orchestrator-1', now())`;
  return agentId;
}

/** Gives an agent every job that it may have, as the orchestrator does. */
export async function claim(db: Database, agentId: string, name: string, labels: string[] = []): Promise<ClaimedJob[]> {
  return await db.begin(async (sql) => await claimJobs(sql, { agentId, name, labels }, 100));
}

/** A frame of these lines, to be stored. */
export function testFrame(
  job: { jobId: string; attempt: number; fence: number },
  sequence: number,
  firstLine: number,
  lines: readonly string[],
  time = Date.UTC(2026, 4, 7, 14, 32, 11),
): NewFrame {
  const text = lines.map((line) => `${line}\n`).join('');
  const header = {
    v: 1 as const,
    job: job.jobId,
    attempt: job.attempt,
    sequence,
    firstLine,
    lines: lines.length,
    bytes: Buffer.byteLength(text),
    runs: [[lines.length, time, 1, 'output', 0, 0] as [number, number, number, string, number, number]],
  };
  const data = encodeFrame(header, zstdCompressSync(text));
  const { jobId, attempt, fence } = job;
  const { bytes } = header;
  return {
    jobId,
    attempt,
    fence,
    sequence,
    firstLine,
    lines: lines.length,
    bytes,
    firstTime: time,
    lastTime: time,
    data,
  };
}

/** Stores frames as the orchestrator does. */
export async function seedFrames(db: Database, frames: readonly NewFrame[]): Promise<void> {
  await db.begin(async (sql) => await storeFrames(sql, frames));
}

/** Ends an attempt as the orchestrator does; what becomes of the run is the caller's. */
export async function finish(
  db: Database,
  job: { jobId: string; attempt: number; fence: number },
  failure: Failure | null = null,
  lastSequence = 0,
): Promise<void> {
  await db.begin(async (sql) => {
    await lockRuns(sql, [job.jobId]);
    await finishAttempts(sql, [
      {
        jobId: job.jobId,
        attempt: job.attempt,
        fence: job.fence,
        outcome: failure ? 'failed' : 'completed',
        failure,
        progress: null,
        lastSequence,
        requeueBelow: 0,
      },
    ]);
  });
}

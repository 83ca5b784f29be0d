import { randomUUID } from 'node:crypto';
import type { CompiledJob, CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { BACKOFF_SECONDS } from '@kiln/protocol/states.ts';
import type { Database } from './database.ts';
import { createRun } from './runs/create.ts';

/** A compiled job for tests: one step, everything else as the loader's defaults. */
export function testJob(name: string, more: Partial<CompiledJob> = {}): CompiledJob {
  const step = {
    name: 'true',
    run: 'true',
    shell: 'sh' as const,
    workingDirectory: null,
    environment: {},
    timeoutMs: null,
    continueOnError: false,
    always: false,
  };
  return {
    name,
    needs: [],
    labels: [],
    environment: {},
    secrets: [],
    checkout: false,
    timeoutMs: 3_600_000,
    phases: [{ name: 'build', weight: 1, steps: [step] }],
    artifacts: [],
    logLimitBytes: 10 * 2 ** 30,
    ...more,
  };
}

/** A compiled recipe for tests, without an upstream. */
export function testRecipe(name: string, more: Partial<CompiledRecipe> = {}): CompiledRecipe {
  return {
    name,
    description: '',
    upstream: null,
    triggers: ['manual'],
    priority: 0,
    concurrency: null,
    retries: { max: null, backoffSeconds: [...BACKOFF_SECONDS] },
    jobs: [testJob('build')],
    publish: null,
    ...more,
  };
}

/** Makes an event and the run that it becomes. */
export async function testRun(
  db: Database,
  recipe: CompiledRecipe,
  version = '1.0',
): Promise<{ runId: string; requestId: string }> {
  const eventId = randomUUID();
  const requestId = randomUUID();
  await db`
    INSERT INTO events (event_id, request_id, source, delivery_id, name, routing_key, payload, status)
    VALUES (${eventId}, ${requestId}, 'manual', ${eventId}, 'build', ${recipe.name}, '{}', 'done')`;
  const { runId } = await db.begin(
    async (sql) =>
      await createRun(sql, {
        eventId,
        requestId,
        recipe,
        version,
        ref: null,
        commit: null,
        trigger: 'manual',
        by: 'test',
        eventTime: new Date(),
        traceparent: null,
      }),
  );
  return { runId, requestId };
}

/** Makes an agent's row and returns what a claim needs. */
export async function testAgent(
  db: Database,
  labels: string[] = [],
): Promise<{ agentId: string; name: string; labels: string[] }> {
  const agentId = randomUUID();
  await db`INSERT INTO agents (agent_id, name, labels) VALUES (${agentId}, 'tester', ${labels})`;
  return { agentId, name: 'tester', labels };
}

import { randomBytes, randomUUID } from 'node:crypto';
import type { Failure } from '@kiln/protocol/agent-messages.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { Database } from '@kiln/store/database.ts';
import { insertEvent } from '@kiln/store/events.ts';
import { createRun } from '@kiln/store/runs/create.ts';
import { completeRuns, failRun } from '@kiln/store/runs/finalize.ts';
import { testRecipe } from '@kiln/store/test-run.ts';
import { testUpstream } from '../watch/test-upstream.ts';

/** A run for a commit, moved along as the orchestrator moves it. */
export interface CommitRun {
  runId: string;
  requestId: string;
  commit: string;
  /** Its first job was given out. */
  start(): Promise<void>;
  complete(): Promise<void>;
  /** Returns when it is tried again; `final`: never. */
  fail(options?: { final?: boolean }): Promise<Date | null>;
}

/** Makes a run for a commit of `git`, which a tag names. */
export async function commitRun(
  db: Database,
  git: string,
  options: { recipe?: string; repository?: string; commit?: string; publish?: CompiledRecipe['publish'] } = {},
): Promise<CommitRun> {
  const {
    recipe = 'libfoo',
    repository = 'acme/libfoo',
    commit = randomBytes(20).toString('hex'),
    publish = null,
  } = options;
  const compiled = testRecipe(recipe, { upstream: testUpstream({ git, repository }), publish });
  const payload = { recipe, version: '1.2', ref: null, commit: null, force: false, by: 'test' };
  const event = await insertEvent(db, {
    source: 'manual',
    deliveryId: randomUUID(),
    name: 'build',
    routingKey: recipe,
    payload,
  });
  const { eventId, requestId } = event;
  const { runId } = await db.begin(
    async (sql) =>
      await createRun(sql, {
        eventId,
        requestId,
        recipe: compiled,
        version: '1.2',
        ref: 'refs/tags/v1.2',
        commit,
        trigger: 'tag',
        by: 'poll',
        eventTime: new Date(),
        traceparent: null,
      }),
  );
  // Only a run that began can end.
  const begin = async () => await db`UPDATE runs SET status = 'building' WHERE run_id = ${runId} AND status = 'queued'`;
  return {
    runId,
    requestId,
    commit,
    async start() {
      await db`UPDATE runs SET status = 'building', started_at = now() WHERE run_id = ${runId}`;
    },
    async complete() {
      await begin();
      await db.begin(async (sql) => await completeRuns(sql, [runId]));
    },
    async fail(options = {}) {
      const [row] = await db<{ attempt: number }[]>`SELECT attempt FROM runs WHERE run_id = ${runId}`;
      const attempt = row?.attempt ?? 1;
      await begin();
      const failed = await db.begin(
        async (sql) => await failRun(sql, { runId, attempt, retries: compiled.retries }, FAILURE, options),
      );
      return failed?.retryAt ?? null;
    },
  };
}

export const FAILURE: Failure = {
  class: 'Command Failed',
  message: 'step "make" ended with exit code 2',
  phase: 'test',
  step: 'make',
  line: 17,
  lineText: "src/main.c:3: error: 'x' undeclared",
  exitCode: 2,
  signal: null,
};

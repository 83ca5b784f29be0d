import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { inSpan } from '@kiln/service/tracing.ts';
import { artifactsToPublish } from '@kiln/store/artifacts.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { Transaction } from '@kiln/store/database.ts';
import { recordPackages } from '@kiln/store/packages.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { PublishError, publishRun } from '../publish/publish-run.ts';
import { clearStaging } from '../publish/staged.ts';
import { completeRuns, failRun } from './settle.ts';

const EVERY_MS = 5_000;
/** A crash in the middle of a publish delays it by this much; it is renewed four times as often. */
const LEASE_MS = 20_000;

interface Publishing {
  runId: string;
  requestId: string;
  recipe: string;
  version: string;
  attempt: number;
  compiled: CompiledRecipe;
  traceparent: string | null;
  fence: number;
}

/** Raised when another orchestrator took the run over while this one was publishing it. */
class LeaseLost extends Error {}

/** Publishes built runs, one after another. The outputs stay staged until they are out, so a failure costs no rebuild. */
export function startPublisher(context: FarmContext, roster: () => readonly CompiledRecipe[]): void {
  const { bus, lifecycle } = context;
  lifecycle.loop(
    'publisher',
    { everyMs: EVERY_MS, wake: (ring) => bus.subscribe(SUBJECTS.publish, ring) },
    async (signal) => {
      for (let run = await lease(context); run && !signal.aborted; run = await lease(context))
        await publish(context, run, roster());
    },
  );
}

async function lease({ db, instance }: FarmContext): Promise<Publishing | undefined> {
  const [run] = await db<Publishing[]>`
    UPDATE runs SET leased_by = ${instance}, lease_expires_at = now() + ${LEASE_MS} * interval '1 millisecond', fence = fence + 1
    WHERE run_id = (
      SELECT run_id FROM runs WHERE status = 'publishing' AND (lease_expires_at IS NULL OR lease_expires_at < now())
      ORDER BY priority DESC, created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING run_id, request_id, recipe, version, attempt, compiled, traceparent, fence`;
  return run;
}

async function publish(context: FarmContext, run: Publishing, recipes: readonly CompiledRecipe[]): Promise<void> {
  const { db, log, bus, service, instance } = context;
  const { runId, requestId, recipe, version, attempt } = run;
  const fields = { recipe, version, runId, requestId, attempt };
  const renewal = setInterval(() => {
    renew(context, run).catch((error: unknown) =>
      log.warn({ ...fields, err: error }, 'publishing lease was not renewed'),
    );
  }, LEASE_MS / 4);
  try {
    const orders = run.compiled.publish;
    if (!orders) throw new Error('the recipe publishes nothing');
    await inSpan('run.publish', { parent: run.traceparent, attributes: { 'kiln.run_id': runId } }, async () => {
      const artifacts = await artifactsToPublish(db, runId);
      const published = await publishRun(context, { runId, requestId, recipe, version, publish: orders, artifacts });
      await db.begin(async (sql) => {
        await holdLease(sql, run);
        await recordPackages(sql, published);
        await completeRuns(sql, [run], recipes);
        const names = published.files.map((file) => file.name);
        await addMilestones(sql, [
          {
            requestId,
            runId,
            service,
            instance,
            name: 'run.published',
            message: `${orders.package} ${version} is in repository ${orders.repository}: ${names.join(', ')}`,
            detail: { files: names },
          },
          { requestId, runId, service, instance, name: 'run.completed', message: `${recipe} ${version} is completed` },
        ]);
      });
    });
    log.info({ ...fields, repository: orders.repository }, 'build + publish complete');
    bus.publish(SUBJECTS.event, {});
    bus.publish(SUBJECTS.changed, { topic: 'package', id: orders.package });
    await clearStaging(context, run);
  } catch (error) {
    if (error instanceof LeaseLost) return log.warn(fields, 'another orchestrator publishes this run now');
    await publishFailed(context, run, error instanceof Error ? error : new Error(String(error)));
  } finally {
    clearInterval(renewal);
    bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
  }
}

async function publishFailed(
  { db, bus, log, service, instance }: FarmContext,
  run: Publishing,
  error: Error,
): Promise<void> {
  const { runId, requestId, recipe, version, attempt } = run;
  const failure = {
    class: 'Publish Failed',
    message: error.message,
    phase: 'publish',
    step: null,
    line: null,
    lineText: null,
    exitCode: null,
    signal: null,
  };
  const { retryAt, failures } = await db.begin(async (sql) => {
    await holdLease(sql, run);
    await addMilestones(sql, [
      {
        requestId,
        runId,
        service,
        instance,
        name: 'run.publish-failed',
        message: `publishing ${recipe} ${version} failed: ${error.message}`,
      },
    ]);
    return await failRun(sql, { ...run, retries: run.compiled.retries }, failure, {
      final: error instanceof PublishError && error.final,
    });
  });
  log.error(
    {
      recipe,
      version,
      runId,
      requestId,
      attempt,
      failures,
      err: error,
      next_retry_after: retryAt?.toISOString() ?? null,
    },
    'publish failed',
  );
  bus.publish(SUBJECTS.retry, {});
}

async function renew({ db }: FarmContext, run: Publishing): Promise<void> {
  await db`UPDATE runs SET lease_expires_at = now() + ${LEASE_MS} * interval '1 millisecond' WHERE run_id = ${run.runId} AND fence = ${run.fence}`;
}

/** Every write under the lease names its fence, and is refused when the fence has moved on. */
async function holdLease(sql: Transaction, run: Publishing): Promise<void> {
  const rows =
    await sql`SELECT 1 FROM runs WHERE run_id = ${run.runId} AND fence = ${run.fence} AND status = 'publishing' FOR UPDATE`;
  if (rows.length === 0) throw new LeaseLost();
}

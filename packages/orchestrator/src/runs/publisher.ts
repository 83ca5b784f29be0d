import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { inSpan } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { Transaction } from '@kiln/store/database.ts';
import { recordPackages } from '@kiln/store/packages.ts';
import { failRun } from '@kiln/store/runs/finalize.ts';
import { leasePublishing, PUBLISH_LEASES, type PublishingRun } from '@kiln/store/runs/publish-lease.ts';
import { artifactsToPublish } from '@kiln/store/runs/staged-outputs.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { PublishError, publishRun } from '../publish/publish-run.ts';
import { clearStaging } from '../publish/staged.ts';
import { completeAndFollow } from './finalize.ts';

const EVERY_MS = 5_000;

/** Raised when another orchestrator took the run over while this one was publishing it. */
class LeaseLost extends Error {}

/** Publishes built runs, one after another. The outputs stay staged until they are out, so a failure costs no rebuild. */
export function startPublisher(context: FarmContext, roster: () => readonly CompiledRecipe[]): void {
  const { bus, lifecycle } = context;
  lifecycle.loop(
    'publisher',
    { everyMs: EVERY_MS, wake: (ring) => bus.subscribe(SUBJECTS.publish, ring) },
    async (signal) => {
      const next = async () => await leasePublishing(context.db, context.instance);
      for (let run = await next(); run && !signal.aborted; run = await next()) await publish(context, run, roster());
    },
  );
}

async function publish(context: FarmContext, run: PublishingRun, recipes: readonly CompiledRecipe[]): Promise<void> {
  const { db, log, bus } = context;
  const { recipe, version, runId, requestId, attempt } = run;
  const fields = { recipe, version, runId, requestId, attempt };
  const work = async () => await publishLeased(context, run, recipes);
  try {
    await PUBLISH_LEASES.keepWhile(db, [run], work, (err) =>
      log.warn({ ...fields, err }, 'publishing lease was not renewed'),
    );
  } catch (error) {
    if (!(error instanceof LeaseLost)) throw error;
    log.warn(fields, 'another orchestrator publishes this run now');
  } finally {
    bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
  }
}

async function publishLeased(
  context: FarmContext,
  run: PublishingRun,
  recipes: readonly CompiledRecipe[],
): Promise<void> {
  const { db, log, bus, service, instance } = context;
  const { runId, requestId, recipe, version, attempt } = run;
  try {
    const orders = run.compiled.publish;
    if (!orders) throw new Error('the recipe publishes nothing');
    await inSpan('run.publish', { parent: run.traceparent, attributes: { 'kiln.run_id': runId } }, async () => {
      const artifacts = await artifactsToPublish(db, runId);
      const published = await publishRun(context, { runId, requestId, recipe, version, publish: orders, artifacts });
      await db.begin(async (sql) => {
        await holdLease(sql, run);
        await recordPackages(sql, published);
        await completeAndFollow(sql, [run], recipes);
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
    const fields = { recipe, version, runId, requestId, attempt, repository: orders.repository };
    log.info(fields, 'build + publish complete');
    bus.publish(SUBJECTS.event, {});
    bus.publish(SUBJECTS.changed, { topic: 'package', id: orders.package });
    await clearStaging(context, run);
  } catch (error) {
    if (error instanceof LeaseLost) throw error;
    await publishFailed(context, run, error instanceof Error ? error : new Error(String(error)));
  }
}

async function publishFailed(
  { db, bus, log, service, instance }: FarmContext,
  run: PublishingRun,
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
  const failed = await db.begin(async (sql) => {
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
    const final = error instanceof PublishError && error.final;
    const written = await failRun(sql, { ...run, retries: run.compiled.retries }, failure, { final });
    if (!written) throw new LeaseLost();
    return written;
  });
  log.error(
    {
      recipe,
      version,
      runId,
      requestId,
      attempt,
      failures: failed.failures,
      err: error,
      next_retry_after: failed.retryAt?.toISOString() ?? null,
    },
    'publish failed',
  );
  bus.publish(SUBJECTS.retry, {});
}

/** Every write under the lease names its fence, and is refused when the fence has moved on. */
async function holdLease(sql: Transaction, run: PublishingRun): Promise<void> {
  if (!(await PUBLISH_LEASES.hold(sql, run))) throw new LeaseLost();
}

import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { LOG_END, logCopy } from '@kiln/store/bus/log-copy.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { Batch } from '../commit/batch.ts';
import type { Committed } from '../commit/commit-batch.ts';

/** Tells pages and the log what a batch did. The words of builds are the farm's contract with its log readers. */
export function announce(context: FarmContext, batch: Batch, result: Committed): void {
  announceFrames(context, batch, result);
  announceJobs(context, result);
  for (const finalized of result.finalized) {
    const { recipe, version, runId, requestId, attempt } = finalized.run;
    const fields = { recipe, version, runId, requestId, attempt };
    if (finalized.outcome === 'completed') context.log.info(fields, 'build + publish complete');
    if (finalized.hasFollowers) context.bus.publish(SUBJECTS.event, {});
    if (finalized.outcome === 'failed') {
      context.log.error(
        {
          ...fields,
          next_retry_after: finalized.retryAt?.toISOString() ?? null,
          failures: finalized.failures,
          error: finalized.message,
        },
        'build failed',
      );
      context.bus.publish(SUBJECTS.retry, {});
    }
    if (finalized.outcome === 'cancelled') context.log.info(fields, 'build cancelled');
    if (finalized.outcome === 'publishing') context.bus.publish(SUBJECTS.publish, {});
  }
}

function announceFrames({ bus }: FarmContext, batch: Batch, result: Committed): void {
  const stored = new Map(result.stored.map((s) => [`${s.jobId}.${s.attempt}`, s.lastSequence]));
  for (const { jobId, attempt, sequence } of result.lastWords) stored.set(`${jobId}.${attempt}`, sequence);
  const said = [...batch.frames, ...result.lastWords];
  const byAttempt = Map.groupBy(said, (frame) => `${frame.jobId}.${frame.attempt}`);
  for (const [key, frames] of byAttempt) {
    const last = stored.get(key);
    const [first] = frames;
    if (last === undefined || !first) continue;
    const committed = frames.filter((frame) => frame.sequence <= last);
    bus.publish(SUBJECTS.log(first.jobId, first.attempt), logCopy(committed));
  }
  for (const job of result.finished) bus.publish(SUBJECTS.log(job.jobId, job.attempt), LOG_END);
}

function announceJobs({ bus, log }: FarmContext, result: Committed): void {
  const changed = new Set(
    [...result.reported, ...result.finished, ...result.claimed.flatMap((claim) => claim.jobs)].map(
      (item) => item.runId,
    ),
  );
  for (const id of changed) bus.publish(SUBJECTS.changed, { topic: 'run', id });
  if (result.finished.length > 0) bus.publish(SUBJECTS.ended, {});
  for (const job of result.finished)
    log.info(
      { runId: job.runId, jobId: job.jobId, job: job.name, attempt: job.attempt, status: job.status },
      'job finished',
    );
  for (const { agentId, jobs } of result.claimed) {
    for (const job of jobs) {
      const fields = { requestId: job.requestId, runId: job.runId };
      if (job.startsRun) {
        log.info({ recipe: job.recipe, version: job.version, attempt: job.runAttempt, ...fields }, 'starting build');
      }
      log.info({ ...fields, jobId: job.jobId, job: job.spec.name, attempt: job.attempt, agentId }, 'job dispatched');
    }
  }
}

import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { about } from './fields.ts';
import type { Routed } from './plan.ts';
import type { Result } from './result.ts';

/** Says in the log and on the bus what a batch of events became, after the commit. */
export function announceResults(
  { log, bus }: Pick<FarmContext, 'log' | 'bus'>,
  batch: readonly Routed[],
  results: readonly Result[],
): void {
  for (const [n, routed] of batch.entries()) {
    const result = results[n];
    if (result) routed.inSpan(() => logResult(log, routed, result));
  }
  const runs = results.flatMap((result) => result.runs);
  if (runs.length > 0) bus.publish(SUBJECTS.queue, {});
  if (results.some((result) => result.polled.length > 0)) bus.publish(SUBJECTS.watch, {});
  for (const { runId } of runs) bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
}

function logResult(log: FarmContext['log'], { event, plan }: Routed, { outcome, runs, polled, refused }: Result): void {
  const fields = about(event);
  for (const { runId, recipe, version } of runs) log.info({ ...fields, runId, recipe, version }, 'run created');
  for (const recipe of polled) log.info({ ...fields, recipe }, 'webhook accepted, triggering immediate poll');
  for (const { recipe, version, reason, waits } of refused) {
    if (waits) log.debug({ ...fields, recipe, version, reason }, 'build skipped');
    else log.info({ ...fields, recipe, version, reason }, 'build skipped');
  }
  if (outcome.result === 'ignored' && refused.length === 0) {
    log.info({ ...fields, name: event.name, reason: plan.reasons.join('; ') }, 'event ignored');
  }
}

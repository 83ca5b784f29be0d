import type { RunChange } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { HttpError } from '@kiln/service/http.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { StateChange } from '@kiln/store/runs/state-change.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { notFound } from '../http/params.ts';

/** Tells everybody of a change that was accepted; throws 404 or 409 for one that was not. */
export async function tellOfChange(
  { db, bus, log, service, instance }: FarmContext,
  runId: string,
  change: StateChange,
  wish: { to: 'cancelled' | 'queued'; by: string },
): Promise<RunChange> {
  if (!change.ok) {
    if (change.from === null) throw notFound('run', runId);
    const message = `a run that is ${change.from} can't become ${wish.to}`;
    throw new HttpError('illegal_state_change', message, { from: change.from, to: wish.to });
  }
  const cancels = wish.to === 'cancelled';
  const [run] = await db<{ requestId: string }[]>`SELECT request_id FROM runs WHERE run_id = ${runId}`;
  if (run) {
    const name = cancels ? 'run.cancel_requested' : 'run.retry_requested';
    const message = `${wish.by} ${cancels ? 'cancelled the run' : 'asked for another try'}`;
    await addMilestones(db, [{ requestId: run.requestId, runId, service, instance, name, message }]);
    log.info({ runId, requestId: run.requestId, by: wish.by }, cancels ? 'cancel requested' : 'retry requested');
  }
  // A hint without content: which attempts are to be cancelled, and why, is what the orchestrators read from the database.
  if (cancels) bus.publish(SUBJECTS.cancel, {});
  else bus.publish(change.status === 'publishing' ? SUBJECTS.publish : SUBJECTS.queue, {});
  bus.publish(SUBJECTS.changed, { topic: 'run', id: runId });
  return { runId, status: change.status };
}

import { isFinishedRun, type RunStatus } from '@kiln/protocol/states.ts';
import type { Database, Transaction } from '../database.ts';
import { edge, from, to } from '../edges.ts';
import type { StateChange } from './state-change.ts';

/** A queued job ends at once, a held one when its agent obeys; the run with the last of them. */
const DROP_JOB = edge('jobs', ['queued'], 'cancelled');
const STOP_JOB = edge('jobs', ['started', 'building'], 'cancelling');
const DROP_RUN = edge('runs', ['queued', 'building'], 'cancelled');
const STOP_RUN = edge('runs', ['building'], 'cancelling');

/** What cancelling a run changes. */
export const CANCEL_EDGES = [DROP_JOB, STOP_JOB, DROP_RUN, STOP_RUN];

/**
 * Asks for a run to end. Queued jobs are cancelled at once, held ones become `cancelling` and their agents are told
 * (publish SUBJECTS.cancel afterwards). A failed run that waits for its next try waits no more.
 */
export async function requestCancel(db: Database, runId: string, by: string): Promise<StateChange> {
  return await db.begin(async (sql) => {
    const [run] = await sql<
      { status: RunStatus; retryAt: Date | null }[]
    >`SELECT status, retry_at FROM runs WHERE run_id = ${runId} FOR UPDATE`;
    if (!run) return { ok: false, from: null };
    if (run.status === 'failed' && run.retryAt) {
      await sql`UPDATE runs SET retry_at = NULL WHERE run_id = ${runId}`;
      await sql`UPDATE backoff SET next_retry = NULL WHERE run_id = ${runId}`;
      return { ok: true, status: 'failed' };
    }
    if (run.status === 'cancelling') return { ok: true, status: 'cancelling' };
    if (run.status === 'publishing' || isFinishedRun(run.status)) return { ok: false, from: run.status };
    return { ok: true, status: await cancel(sql, runId, `cancelled by ${by}`) };
  });
}

async function cancel(sql: Transaction, runId: string, reason: string): Promise<RunStatus> {
  await sql`
    UPDATE jobs SET status = ${to(sql, DROP_JOB)}, finished_at = now(), cancel_reason = ${reason}
    WHERE run_id = ${runId} AND status IN ${from(sql, DROP_JOB)}`;
  const held = await sql`
    UPDATE jobs SET status = ${to(sql, STOP_JOB)}, cancel_reason = ${reason}, cancel_requested_at = now()
    WHERE run_id = ${runId} AND status IN ${from(sql, STOP_JOB)}`;
  const change = held.count > 0 ? STOP_RUN : DROP_RUN;
  const ended = change === DROP_RUN;
  const moved = await sql`
    UPDATE runs SET status = ${to(sql, change)}, finished_at = CASE WHEN ${ended} THEN now() END,
      failure = ${JSON.stringify({ message: reason })}::text::jsonb
    WHERE run_id = ${runId} AND status IN ${from(sql, change)}`;
  if (moved.count === 0) throw new Error(`run ${runId} did not begin, but agents have ${held.count} of its jobs`);
  return change.to;
}

import { actions } from '../api/actions.ts';

const LOOKS = 25;
const BETWEEN_MS = 200;

/**
 * Waits a few seconds for what became of an event: the run that it created, or the reason why there is none. Both are
 * null when the farm has not decided by then.
 */
export async function followEvent(eventId: string): Promise<{ runId: string | null; reason: string | null }> {
  for (let look = 0; look < LOOKS; look += 1) {
    const event = await actions.event(eventId);
    const [runId] = event.runs;
    if (runId !== undefined) return { runId, reason: null };
    if (event.status === 'done') return { runId: null, reason: event.outcome || 'The event was handled without a run' };
    if (event.status === 'dead')
      return { runId: null, reason: event.dlqReason ?? event.lastError ?? 'The event failed' };
    await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS));
  }
  return { runId: null, reason: null };
}

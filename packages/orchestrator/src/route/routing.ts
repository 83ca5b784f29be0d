import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { untilNextEvent } from '@kiln/store/event-leases.ts';
import { startLeaseScan } from './dead.ts';
import { routeMetrics } from './metrics.ts';
import { Router, type RouterRoster } from './router.ts';

/** The longest sleep: an event of which nobody told is found within this. */
const LOOK_EVERY_MS = 5_000;

/** Routes events as they come: each leased by one orchestrator, ended once. The leader also takes back the leases of the dead. */
export function startRouting(
  context: FarmContext,
  roster: RouterRoster,
  { isLeader = () => true }: { isLeader?: () => boolean } = {},
): void {
  const { bus, db, lifecycle } = context;
  const metrics = routeMetrics(context.metrics);
  const router = new Router(context, roster, metrics);
  const wake = (wakeUp: () => void) => bus.subscribe(SUBJECTS.event, wakeUp);
  const nextDueMs = async () => await untilNextEvent(db);
  lifecycle.loop('route', { everyMs: LOOK_EVERY_MS, nextDueMs, wake }, async (signal) => await router.routeDue(signal));
  lifecycle.onStop('routing', async () => await router.settled());
  startLeaseScan(context, metrics, isLeader);
}

import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { untilNextEvent } from '@kiln/store/event-leases.ts';
import type { Roster } from '../recipes/roster.ts';
import { startLeaseScan } from './dead.ts';
import { routeMetrics } from './metrics.ts';
import { Router } from './router.ts';

/** The longest sleep: an event of which nobody told is found within this. */
const LOOK_EVERY_MS = 5_000;

/** Routes events as they come: each leased by one orchestrator, ended once. The leader also takes back the leases of the dead. */
export function startRouting(
  context: FarmContext,
  roster: Pick<Roster, 'all' | 'get'>,
  { isLeader = () => true }: { isLeader?: () => boolean } = {},
): void {
  const { bus, db, lifecycle } = context;
  const metrics = routeMetrics(context.metrics);
  const router = new Router(context, roster, metrics);
  let ring = () => {};
  let timer: NodeJS.Timeout | undefined;
  const wake = (bell: () => void) => {
    ring = bell;
    const silence = bus.subscribe(SUBJECTS.event, bell);
    return () => {
      clearTimeout(timer);
      silence();
    };
  };
  lifecycle.loop('route', { everyMs: LOOK_EVERY_MS, wake }, async (signal) => {
    await router.routeDue(signal);
    clearTimeout(timer);
    const wait = await untilNextEvent(db);
    if (wait !== null && wait < LOOK_EVERY_MS && !signal.aborted) timer = setTimeout(() => ring(), wait + 1);
  });
  lifecycle.onStop('routing', async () => await router.settled());
  startLeaseScan(context, metrics, isLeader);
}

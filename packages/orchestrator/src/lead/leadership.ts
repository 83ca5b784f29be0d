import type { FarmContext } from '@kiln/store/context.ts';
import { LEASE_MS, resignLead, takeLead } from '@kiln/store/leadership.ts';

/** Whether this orchestrator leads. PostgreSQL decides; this only remembers, no longer than the lease lasts. */
export interface Leadership {
  isLeader(): boolean;
  term(): number | null;
}

/** Beats twice a lease. A follower takes over once the holder has missed two beats. */
export async function startLeadership(context: FarmContext): Promise<Leadership> {
  const { db, instance, lifecycle, log } = context;
  let term: number | null = null;
  let until = 0;
  const beat = async () => {
    const asked = performance.now();
    const now = await takeLead(db, instance);
    if (now !== term) log.info({ term: now }, now === null ? 'following' : 'leading');
    term = now;
    until = asked + LEASE_MS;
  };
  await beat();
  lifecycle.loop('leadership', { everyMs: LEASE_MS / 2 }, beat);
  lifecycle.onStop('leadership', async () => await resignLead(db, instance));
  return { isLeader: () => term !== null && performance.now() < until, term: () => term };
}

/** How many readings of a host are kept: two hours at the shipped interval. */
export const RING_SLOTS = 240;

/** Intervals of heartbeats that are believed, in seconds; the one they are shipped with. */
const SHORTEST_TICK = 1;
const LONGEST_TICK = 600;
const SHIPPED_TICK = 30;
/** A heartbeat is not late before it had this long to be taken and sent. */
const GRACE_MS = 5000;

/** The newest reading of a host, without its content. */
export interface Newest {
  slot: number;
  at: Date;
  takenAt: Date;
  receivedAt: Date;
  tickSeconds: number;
}

/** How far apart the readings are, seen with one more. After a long silence this grows only a little, and is right again at the next. */
export function nextTick(newest: Newest | null, now: Date): number {
  if (newest === null) return SHIPPED_TICK;
  const gap = (now.getTime() - newest.receivedAt.getTime()) / 1000;
  return Math.min(LONGEST_TICK, Math.max(SHORTEST_TICK, Math.min(gap, newest.tickSeconds * 2)));
}

/** How long nothing may come from a host before it counts as silent: more than two of its intervals. */
export function silenceMs(tickSeconds: number): number {
  return tickSeconds * 2000 + GRACE_MS;
}

import type { Group } from './groups.ts';
import { groupsAt } from './groups.ts';

/** Where somebody was in the log of one attempt, in words that hold for another attempt of the same job. */
export interface AttemptPlace {
  /** Innermost group, null outside of all. */
  group: string | null;
  /** Lines after the first of the group, or of the log. */
  offset: number;
}

let left: { jobId: string; attempt: number; place: AttemptPlace } | null = null;

/** The place of a line. */
export function placeOf(groups: readonly Group[], line: number): AttemptPlace {
  const group = groupsAt(groups, line).at(-1);
  return { group: group?.key ?? null, offset: line - (group?.first ?? 1) };
}

/** The line of a place in another attempt, null when that has no such group. */
export function lineOfPlace(groups: readonly Group[], { group: key, offset }: AttemptPlace): number | null {
  if (key === null) return offset + 1;
  const group = groups.find((each) => each.key === key);
  return group ? Math.min(group.last, group.first + offset) : null;
}

/** Keeps where somebody was when an attempt's log was left, null when nothing was chosen there. */
export function leavePlace(jobId: string, attempt: number, place: AttemptPlace | null): void {
  left = place && { jobId, attempt, place };
}

/** The place that was left in another attempt of this job, once. */
export function takePlace(jobId: string, attempt: number): AttemptPlace | null {
  const found = left?.jobId === jobId && left.attempt !== attempt ? left.place : null;
  left = null;
  return found;
}

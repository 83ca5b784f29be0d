import type { TimelineEntry } from '@kiln/protocol/api.ts';
import type { Queryable } from '../database.ts';
import type { Fragment } from './runs.ts';
import { iso } from './time.ts';

interface TimelineRow extends Omit<TimelineEntry, 'at'> {
  at: Date;
}

/** No story has more milestones than this; what comes later is left out. */
const LIMIT = 2000;

/** Milestones in the order in which they happened. `matching` is a condition on the rows of `timeline`. */
export async function readTimeline(sql: Queryable, matching: Fragment): Promise<TimelineEntry[]> {
  const rows = await sql<TimelineRow[]>`
    SELECT at, service, instance, name, message, run_id, job_id, detail FROM timeline
    WHERE ${matching} ORDER BY at, timeline_id LIMIT ${LIMIT}`;
  return rows.map((row) => ({ ...row, at: iso(row.at) }));
}

import { OPEN_RUN_STATUSES } from '@kiln/protocol/states.ts';
import type { Queryable } from '../database.ts';
import { among } from '../edges.ts';

/** Whether no event waits to be routed and no run is under way. Runs that wait for a later retry count as done. */
export async function isIdle(sql: Queryable): Promise<boolean> {
  const [work] = await sql<{ idle: boolean }[]>`
    SELECT NOT EXISTS (SELECT FROM events WHERE status IN ('pending', 'leased'))
       AND NOT EXISTS (SELECT FROM runs WHERE status IN ${among(sql, OPEN_RUN_STATUSES)}) AS idle`;
  return work?.idle === true;
}

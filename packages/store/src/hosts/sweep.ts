import type { Queryable } from '../database.ts';

/** How long transitions are kept, and how many of one unit at most: a unit that crashes at each tick makes 2,880 a day. */
const KEPT_DAYS = 30;
const MOST_OF_A_UNIT = 20_000;

/** Removes what is too old of the hosts' history. Returns how many rows. */
export async function sweepHosts(sql: Queryable): Promise<number> {
  const old = await sql`DELETE FROM host_unit_events WHERE at < now() - ${KEPT_DAYS} * interval '1 day'`;
  const many = await sql`
    DELETE FROM host_unit_events e USING (
      SELECT host, unit, (SELECT event_id FROM host_unit_events l WHERE l.host = u.host AND l.unit = u.unit
        ORDER BY event_id DESC OFFSET ${MOST_OF_A_UNIT} LIMIT 1) AS last
      FROM host_units u
    ) AS cut WHERE e.host = cut.host AND e.unit = cut.unit AND e.event_id <= cut.last`;
  const events = await sql`DELETE FROM host_events WHERE coalesce(until, at) < now() - ${KEPT_DAYS} * interval '1 day'`;
  return old.count + many.count + events.count;
}

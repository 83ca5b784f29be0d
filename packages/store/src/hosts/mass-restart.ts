import type { Transaction } from '../database.ts';

/** Restarts within this belong together. */
const WINDOW_MS = 60_000;
/** This many units, or more than a third of the host's, are a mass restart; on a small host at least three. */
const MANY = 5;
const FEW = 3;
const SHARE = 1 / 3;

/** Whether so many restarted units of all are a mass restart. */
export function isMassRestart(restarted: number, all: number): boolean {
  return restarted >= MANY || (restarted >= FEW && restarted > all * SHARE);
}

/**
 * Looks whether many units restarted, or were started again, in the minute before `at`, and keeps that as one event, which grows
 * while more of them follow.
 */
export async function noteMassRestart(sql: Transaction, host: string, at: Date, units: number): Promise<void> {
  const rows = await sql<{ unit: string; first: Date }[]>`
    SELECT unit, min(at) AS first FROM host_unit_events
    WHERE host = ${host} AND kind IN ('restart', 'start') AND NOT at_boot
      AND at > ${new Date(at.getTime() - WINDOW_MS)} AND at <= ${at}
    GROUP BY unit ORDER BY unit`;
  if (!isMassRestart(rows.length, units)) return;
  const names = rows.map(({ unit }) => unit);
  const first = new Date(Math.min(at.getTime(), ...rows.map((row) => row.first.getTime())));
  const grown = await sql`
    UPDATE host_events SET until = ${at},
      units = (SELECT array_agg(DISTINCT u ORDER BY u) FROM unnest(units || ${names}::text[]) AS u)
    WHERE host = ${host} AND kind = 'mass_restart' AND until >= ${new Date(at.getTime() - WINDOW_MS)} AND at <= ${at}`;
  if (grown.count > 0) return;
  await sql`
    INSERT INTO host_events (host, at, until, kind, units) VALUES (${host}, ${first}, ${at}, 'mass_restart', ${names})`;
}

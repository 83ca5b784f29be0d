import type { UnitState } from '@kiln/protocol/host-states.ts';
import type { DailyReport } from '@kiln/protocol/hosts.ts';
import type { Queryable } from '../database.ts';
import { isSilent, readHostsNow } from '../hosts/hosts.ts';
import { failureOf } from './host-rows.ts';
import { readMassRestarts } from './hosts.ts';
import { iso } from './time.ts';

/** More units than this are not listed: whoever has them needs no list. */
const MOST_UNITS = 500;
const MOST_SILENCES = 100;

interface ReportRow {
  host: string;
  unit: string;
  failures: number;
  restarts: number;
  stale: number;
  state: UnitState | null;
  failedAt: Date | null;
  exitKind: number | null;
  exitStatus: number | null;
  result: number | null;
}

/** The units that failed, restarted or went stale between two moments, from Kiln's own transitions. */
export async function readDailyReport(sql: Queryable, from: Date, to: Date): Promise<DailyReport> {
  const hosts = await readHostsNow(sql);
  const [units, massRestarts, silences, runs] = await Promise.all([
    readUnits(sql, from, to),
    readMassRestarts(sql, from, to),
    sql<{ host: string; at: Date; until: Date }[]>`
      SELECT host, at, until FROM host_events WHERE kind = 'silence' AND until > ${from} AND at <= ${to}
      ORDER BY at DESC LIMIT ${MOST_SILENCES}`,
    readRunCounts(sql, from, to),
  ]);
  const open = hosts
    .filter((host) => isSilent(host, to))
    .map(({ host, receivedAt }) => ({ host, at: iso(receivedAt), until: null }));
  const all = [...open, ...silences.map(({ host, at, until }) => ({ host, at: iso(at), until: iso(until) }))];
  return {
    from: iso(from),
    to: iso(to),
    source: 'kiln',
    quiet: units.length === 0 && massRestarts.length === 0 && all.length === 0 && runs.failed === 0,
    hosts: hosts.length,
    units,
    massRestarts,
    silences: all,
    runs,
  };
}

async function readUnits(sql: Queryable, from: Date, to: Date): Promise<DailyReport['units']> {
  const rows = await sql<ReportRow[]>`
    WITH happened AS (
      SELECT host, unit, count(*) FILTER (WHERE kind = 'failure') AS failures,
        coalesce(sum(count) FILTER (WHERE kind = 'restart'), 0)::int8 AS restarts,
        count(*) FILTER (WHERE kind = 'state' AND to_state = 'stale' AND from_state <> 'stale') AS stale
      FROM host_unit_events WHERE at > ${from} AND at <= ${to} AND kind IN ('failure', 'restart', 'state') GROUP BY host, unit
    )
    SELECT coalesce(h.host, u.host) AS host, coalesce(h.unit, u.unit) AS unit, coalesce(h.failures, 0) AS failures,
      coalesce(h.restarts, 0) AS restarts, coalesce(h.stale, 0) AS stale, u.state, u.failed_at, u.exit_kind, u.exit_status,
      u.result
    FROM happened h FULL JOIN host_units u ON u.host = h.host AND u.unit = h.unit
    WHERE h.failures > 0 OR h.restarts > 0 OR h.stale > 0 OR u.state IN ('failed', 'missing', 'stale')
    ORDER BY 3 DESC, 4 DESC, 1, 2 LIMIT ${MOST_UNITS}`;
  return rows.map(({ failedAt, exitKind, exitStatus, result, ...row }) => ({
    ...row,
    lastFailure: failureOf({ failedAt, exitKind: exitKind ?? 0, exitStatus, result, state: row.state ?? 'ok' }),
  }));
}

/** How many runs ended between two moments, and how many of them failed. */
export async function readRunCounts(sql: Queryable, from: Date, to: Date): Promise<DailyReport['runs']> {
  const [row] = await sql<DailyReport['runs'][]>`
    SELECT count(*) AS total, count(*) FILTER (WHERE status = 'failed') AS failed FROM runs
    WHERE finished_at > ${from} AND finished_at <= ${to}`;
  return row ?? { total: 0, failed: 0 };
}

import type { UnitState } from '@kiln/protocol/host-states.ts';
import type { HostMoment } from '@kiln/protocol/hosts.ts';
import type { Queryable } from '../database.ts';
import { type HostReading, momentOf, stateOf } from '../hosts/reading.ts';
import { silenceMs } from '../hosts/ring.ts';
import { type UnitEventRow, unitEvent } from './host-unit.ts';
import { iso } from './time.ts';

const AROUND_MS = 300_000;
const MOST_AROUND = 200;

/**
 * What the units of a host were at a moment, how much memory they had, and what happened around it: whether a job that was killed
 * then fell with its host. From the readings of the last two hours, else from the transitions, without memory. Null for an unknown host.
 */
export async function readHostMoment(sql: Queryable, host: string, at: Date): Promise<HostMoment | null> {
  const [[known], [taken], around] = await Promise.all([
    sql<{ bootAt: Date | null }[]>`SELECT boot_at FROM hosts WHERE host = ${host}`,
    sql<{ at: Date; tickSeconds: number; reading: HostReading }[]>`
      SELECT at, tick_seconds, reading FROM host_readings WHERE host = ${host} AND at <= ${at} ORDER BY at DESC LIMIT 1`,
    sql<UnitEventRow[]>`
      SELECT unit, event_id, at, kind, from_state, to_state, sub_state, count, exit_kind, exit_status, result, verdict, memory_bytes
      FROM host_unit_events WHERE host = ${host} AND at BETWEEN ${new Date(at.getTime() - AROUND_MS)}
        AND ${new Date(at.getTime() + AROUND_MS)} ORDER BY at, event_id LIMIT ${MOST_AROUND}`,
  ]);
  if (!known) return null;
  const isRead = taken !== undefined && at.getTime() - taken.at.getTime() <= silenceMs(taken.tickSeconds);
  return {
    host,
    at: iso(at),
    source: isRead ? 'reading' : 'transitions',
    readAt: isRead ? iso(taken.at) : null,
    bootAt: iso(isRead ? momentOf(taken.reading.host.bootAt) : known.bootAt),
    units: isRead ? unitsOf(taken.reading) : await fromTransitions(sql, host, at),
    around: around.map((row) => ({ unit: row.unit, ...unitEvent(row) })),
  };
}

function unitsOf(reading: HostReading): HostMoment['units'] {
  return Object.entries(reading.units).map(([unit, figures]) => ({
    unit,
    state: stateOf(figures),
    subState: figures.sub,
    memoryBytes: figures.memory ?? null,
    tasks: figures.tasks ?? null,
  }));
}

async function fromTransitions(sql: Queryable, host: string, at: Date): Promise<HostMoment['units']> {
  const rows = await sql<{ unit: string; state: UnitState | null; subState: string }[]>`
    SELECT DISTINCT ON (unit) unit, to_state AS state, sub_state FROM host_unit_events
    WHERE host = ${host} AND at <= ${at} ORDER BY unit, event_id DESC`;
  return rows.flatMap(({ unit, state, subState }) =>
    state === null ? [] : [{ unit, state, subState, memoryBytes: null, tasks: null }],
  );
}

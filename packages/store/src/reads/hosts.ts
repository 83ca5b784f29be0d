import { TROUBLED, UNIT_STATES } from '@kiln/protocol/host-states.ts';
import type { HostDetail, HostList, HostSummary, MassRestart } from '@kiln/protocol/hosts.ts';
import type { Queryable } from '../database.ts';
import { type HostNow, isSilent, readHostsNow } from '../hosts/hosts.ts';
import { readSilences, readStoredUnits, type StoredUnit, unitRow } from './host-rows.ts';
import { type Day, dayKey, readDay } from './host-strips.ts';
import { iso } from './time.ts';

/** A clock that is this near to ours is right. */
const RIGHT_CLOCK_SECONDS = 5;
const LISTED_EVENTS = 100;
const DAY_MS = 86_400_000;

/** Every host, with up to `rows` of its units. */
export async function readHosts(sql: Queryable, rows: number): Promise<HostList> {
  const now = new Date();
  const all = await readAll(sql, null, now);
  return {
    now: iso(now),
    hosts: all.map(({ summary, units, toRow }) => ({ ...summary, rows: units.slice(0, rows).map(toRow) })),
  };
}

/** One host with all of its units, or null. */
export async function readHost(sql: Queryable, name: string): Promise<Omit<HostDetail, 'metricsStore'> | null> {
  const now = new Date();
  const [[found], events] = await Promise.all([readAll(sql, name, now), readHostEvents(sql, name)]);
  if (!found) return null;
  const { summary, units, toRow } = found;
  return { ...summary, now: iso(now), rows: units.map(toRow), events };
}

async function readAll(sql: Queryable, name: string | null, now: Date) {
  const hosts = await readHostsNow(sql, name);
  const [units, day, massRestarts, silences] = await Promise.all([
    readStoredUnits(sql, name),
    readDay(sql, now, { host: name }),
    readMassRestarts(sql, new Date(now.getTime() - DAY_MS), now, name),
    readSilences(sql, hosts, now),
  ]);
  const unitsOf = Map.groupBy(units, ({ host }) => host);
  const massOf = Map.groupBy(massRestarts, ({ host }) => host);
  return hosts.map((host) => {
    const own = unitsOf.get(host.host) ?? [];
    const from = { host, day, silences: silences.get(host.host) ?? [], now };
    return {
      summary: summaryOf(host, own, day, massOf.get(host.host) ?? [], now),
      units: own,
      toRow: (unit: StoredUnit) => unitRow(unit, from),
    };
  });
}

function summaryOf(
  host: HostNow,
  units: readonly StoredUnit[],
  day: Day,
  massRestarts: MassRestart[],
  now: Date,
): HostSummary {
  const named = units.filter(({ allowlisted }) => allowlisted);
  const others = units.filter(({ allowlisted, state }) => !allowlisted && state === 'failed').length;
  const trouble = others > 0 || named.some(({ state }) => TROUBLED.includes(state));
  const offset = (host.takenAt.getTime() - host.receivedAt.getTime()) / 1000;
  return {
    host: host.host,
    health: isSilent(host, now) ? 'silent' : trouble ? 'trouble' : 'ok',
    lastHeartbeatAt: iso(host.receivedAt),
    tickSeconds: host.tickSeconds,
    clockOffsetSeconds: Math.abs(offset) < RIGHT_CLOCK_SECONDS ? null : Math.round(offset),
    bootAt: iso(host.bootAt),
    units: Object.fromEntries(UNIT_STATES.map((state) => [state, named.filter((unit) => unit.state === state).length])),
    others,
    restarts24h: units
      .flatMap(({ unit }) => day.get(dayKey(host.host, unit)) ?? [])
      .reduce((sum, { restarts }) => sum + restarts, 0),
    massRestarts,
  };
}

/** The mass restarts between two moments, the latest first; of one host when it is named. */
export async function readMassRestarts(
  sql: Queryable,
  from: Date,
  to: Date,
  host: string | null = null,
): Promise<MassRestart[]> {
  const rows = await sql<{ host: string; at: Date; until: Date | null; units: string[] }[]>`
    SELECT host, at, until, units FROM host_events
    WHERE kind = 'mass_restart' AND at > ${from} AND at <= ${to} ${host === null ? sql`` : sql`AND host = ${host}`}
    ORDER BY at DESC LIMIT ${LISTED_EVENTS}`;
  return rows.map((row) => ({ ...row, at: iso(row.at), until: iso(row.until ?? row.at) }));
}

async function readHostEvents(sql: Queryable, host: string): Promise<HostDetail['events']> {
  const rows = await sql<{ kind: 'boot' | 'silence'; at: Date; until: Date | null }[]>`
    SELECT kind, at, until FROM host_events WHERE host = ${host} AND kind IN ('boot', 'silence')
    ORDER BY at DESC LIMIT ${LISTED_EVENTS}`;
  return rows.map(({ kind, at, until }) => ({ kind, at: iso(at), until: iso(until) }));
}

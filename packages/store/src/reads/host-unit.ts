import type { UnitDetail, UnitEvent } from '@kiln/protocol/hosts.ts';
import type { Queryable } from '../database.ts';
import type { NewUnitEvent } from '../hosts/changes.ts';
import { isSilent, readHostsNow } from '../hosts/hosts.ts';
import { exitKindOf, verdictOf } from '../hosts/reading.ts';
import { readSilences, readStoredUnits, resultWord, unitRow } from './host-rows.ts';
import { readDay } from './host-strips.ts';
import { iso } from './time.ts';

const PAGE = 100;

/** One unit with its history, or null. `before`: only events before that one. */
export async function readUnit(
  sql: Queryable,
  hostName: string,
  unit: string,
  before: number | null,
): Promise<Omit<UnitDetail, 'metricsStore'> | null> {
  const now = new Date();
  const [[host], units, day, events] = await Promise.all([
    readHostsNow(sql, hostName),
    readStoredUnits(sql, hostName, unit),
    readDay(sql, now, { host: hostName, unit }),
    readUnitEvents(sql, hostName, unit, before),
  ]);
  const [stored] = units;
  if (!host || !stored) return null;
  const silences = (await readSilences(sql, [host], now)).get(hostName) ?? [];
  const reading = host.reading.units[unit];
  return {
    ...unitRow(stored, { host, day, silences, now }),
    now: iso(now),
    lastHeartbeatAt: iso(host.receivedAt),
    silent: isSilent(host, now),
    memoryBytes: reading?.memory ?? null,
    cpuSeconds: reading?.cpu ?? null,
    tasks: reading?.tasks ?? null,
    lastExit: {
      kind: exitKindOf(reading?.exitKind),
      status: reading?.exitStatus ?? null,
      result: resultWord(reading?.result),
    },
    events: events.slice(0, PAGE),
    nextBefore: events.length > PAGE ? (events[PAGE - 1]?.eventId ?? null) : null,
  };
}

/** A row of `host_unit_events`. */
export interface UnitEventRow extends NewUnitEvent {
  eventId: number;
}

/** An event as the API shows it. */
export function unitEvent({ unit, fromState, toState, ...row }: UnitEventRow): UnitEvent {
  return {
    ...row,
    at: iso(row.at),
    from: fromState,
    to: toState,
    exitKind: exitKindOf(row.exitKind),
    result: resultWord(row.result),
    verdict: verdictOf(row.verdict),
  };
}

async function readUnitEvents(sql: Queryable, host: string, unit: string, before: number | null): Promise<UnitEvent[]> {
  const rows = await sql<UnitEventRow[]>`
    SELECT unit, event_id, at, kind, from_state, to_state, sub_state, count, exit_kind, exit_status, result, verdict, memory_bytes
    FROM host_unit_events WHERE host = ${host} AND unit = ${unit} ${before === null ? sql`` : sql`AND event_id < ${before}`}
    ORDER BY event_id DESC LIMIT ${PAGE + 1}`;
  return rows.map(unitEvent);
}

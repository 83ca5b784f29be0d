import { UNIT_RESULTS } from '@kiln/protocol/host-metrics.ts';
import { TROUBLED } from '@kiln/protocol/host-states.ts';
import type { UnitFailure, UnitRow, UnitTimer } from '@kiln/protocol/hosts.ts';
import type { Queryable } from '../database.ts';
import type { KnownUnit } from '../hosts/changes.ts';
import { type HostNow, isSilent } from '../hosts/hosts.ts';
import { exitKindOf, momentOf, type UnitReading, verdictOf } from '../hosts/reading.ts';
import { type Day, dayKey, type Piece, type Silence, stripOf } from './host-strips.ts';
import { iso } from './time.ts';

/** A unit of some host, as it was told last. */
export type StoredUnit = KnownUnit & { host: string };

/** The units of all hosts, of one host, or one unit of it; those in trouble first. */
export async function readStoredUnits(
  sql: Queryable,
  host: string | null = null,
  unit: string | null = null,
): Promise<StoredUnit[]> {
  return await sql<StoredUnit[]>`
    SELECT host, unit, allowlisted, masked, state, sub_state, since, verdict, restarts, starts, failed_at, exit_kind, exit_status,
      result
    FROM host_units WHERE true ${host === null ? sql`` : sql`AND host = ${host}`} ${unit === null ? sql`` : sql`AND unit = ${unit}`}
    ORDER BY coalesce(array_position(${[...TROUBLED]}::text[], state), ${TROUBLED.length + 1}), unit COLLATE "C"`;
}

/** The times without a heartbeat in the 24 hours before `now`, by host. */
export async function readSilences(
  sql: Queryable,
  hosts: readonly HostNow[],
  now: Date,
): Promise<Map<string, Silence[]>> {
  const rows = await sql<{ host: string; from: Date; until: Date }[]>`
    SELECT host, at AS from, until FROM host_events
    WHERE kind = 'silence' AND until > ${new Date(now.getTime() - 86_400_000)} AND host = ANY (${hosts.map(({ host }) => host)}::text[])`;
  const open = hosts
    .filter((host) => isSilent(host, now))
    .map(({ host, receivedAt }) => ({ host, from: receivedAt, until: now }));
  return Map.groupBy([...rows, ...open], ({ host }) => host);
}

/** A unit as the API shows it. */
export function unitRow(
  stored: StoredUnit,
  from: { host: HostNow; day: Day; silences: readonly Silence[]; now: Date },
): UnitRow {
  const { host, unit, state } = stored;
  const reading = from.host.reading.units[unit];
  const pieces: Piece[] = from.day.get(dayKey(host, unit)) ?? [];
  return {
    host,
    unit,
    allowlisted: stored.allowlisted,
    masked: stored.masked,
    state,
    subState: stored.subState,
    since: iso(sinceOf(stored, reading, from.host.at)),
    restarts24h: pieces.reduce((sum, { restarts }) => sum + restarts, 0),
    lastFailure: failureOf(stored),
    timer: timerOf(unit, reading),
    strip: stripOf(pieces, state, from.silences, from.now),
  };
}

/** How a unit failed last, or null when it never did. */
export function failureOf(
  stored: Pick<KnownUnit, 'failedAt' | 'exitKind' | 'exitStatus' | 'result' | 'state'>,
): UnitFailure | null {
  if (stored.failedAt === null && stored.state !== 'failed') return null;
  return {
    at: iso(stored.failedAt),
    exitKind: exitKindOf(stored.exitKind),
    exitStatus: stored.exitStatus,
    result: resultWord(stored.result),
  };
}

/** systemd's word for how a unit ended. */
export function resultWord(result: number | null | undefined): string | null {
  return result === null || result === undefined ? null : (UNIT_RESULTS[result] ?? 'other');
}

/** What runs on tells itself since when; of the rest only the last change is known. */
function sinceOf(stored: StoredUnit, reading: UnitReading | undefined, at: Date): Date {
  if (stored.state !== 'ok' || reading?.sub !== 'running' || reading.sinceActive === undefined) return stored.since;
  return new Date(at.getTime() - reading.sinceActive * 1000);
}

function timerOf(unit: string, reading: UnitReading | undefined): UnitTimer | null {
  if (!unit.endsWith('.timer')) return null;
  return {
    lastTriggerAt: iso(momentOf(reading?.lastTrigger)),
    nextElapseAt: iso(momentOf(reading?.nextElapse)),
    intervalSeconds: reading?.interval ?? null,
    verdict: verdictOf(reading?.verdict),
  };
}

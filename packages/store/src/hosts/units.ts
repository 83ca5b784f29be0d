import type { Transaction } from '../database.ts';
import type { KnownUnit, NewUnitEvent } from './changes.ts';

/** The units of a host as they were told last. */
export async function readKnownUnits(sql: Transaction, host: string): Promise<Map<string, KnownUnit>> {
  const rows = await sql<KnownUnit[]>`
    SELECT unit, allowlisted, masked, state, sub_state, since, verdict, restarts, starts, failed_at, exit_kind, exit_status, result
    FROM host_units WHERE host = ${host}`;
  return new Map(rows.map((row) => [row.unit, row]));
}

/** Writes units as they are now. */
export async function writeUnits(sql: Transaction, host: string, units: readonly KnownUnit[]): Promise<void> {
  if (units.length === 0) return;
  const rows = units.map((unit) => ({
    ...unit,
    sub_state: unit.subState,
    failed_at: unit.failedAt,
    exit_kind: unit.exitKind,
    exit_status: unit.exitStatus,
  }));
  await sql`
    INSERT INTO host_units (host, unit, allowlisted, masked, state, sub_state, since, verdict, restarts, starts, failed_at,
      exit_kind, exit_status, result)
    SELECT ${host}, u.* FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS u(unit text, allowlisted boolean,
      masked boolean, state text, sub_state text, since timestamptz, verdict smallint, restarts bigint, starts bigint,
      failed_at timestamptz, exit_kind smallint, exit_status integer, result smallint)
    ON CONFLICT (host, unit) DO UPDATE SET allowlisted = excluded.allowlisted, masked = excluded.masked, state = excluded.state,
      sub_state = excluded.sub_state, since = excluded.since, verdict = excluded.verdict, restarts = excluded.restarts,
      starts = excluded.starts, failed_at = excluded.failed_at, exit_kind = excluded.exit_kind,
      exit_status = excluded.exit_status, result = excluded.result`;
}

/** Adds to the history of a host's units. */
export async function writeEvents(
  sql: Transaction,
  host: string,
  events: readonly NewUnitEvent[],
  atBoot: boolean,
): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map((event) => ({
    ...event,
    from_state: event.fromState,
    to_state: event.toState,
    sub_state: event.subState,
    exit_kind: event.exitKind,
    exit_status: event.exitStatus,
    memory_bytes: event.memoryBytes,
  }));
  await sql`
    INSERT INTO host_unit_events (host, at_boot, unit, at, kind, from_state, to_state, sub_state, count, exit_kind, exit_status,
      result, verdict, memory_bytes)
    SELECT ${host}, ${atBoot}, e.* FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS e(unit text, at timestamptz,
      kind text, from_state text, to_state text, sub_state text, count integer, exit_kind smallint, exit_status integer,
      result smallint, verdict smallint, memory_bytes bigint)`;
}

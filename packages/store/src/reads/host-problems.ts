import type { Overview } from '@kiln/protocol/api.ts';
import { exitWords, VERDICT_WORDS } from '@kiln/protocol/host-states.ts';
import type { Queryable } from '../database.ts';
import type { KnownUnit } from '../hosts/changes.ts';
import { isSilent } from '../hosts/hosts.ts';
import { exitKindOf, verdictOf } from '../hosts/reading.ts';

type Problem = Overview['problems'][number];

/** No page shows more reasons of one kind; a host with many units in trouble is one of them. */
const LIMIT = 5;
const MANY = 3;
const MOST_READ = 1000;

type TroubledUnit = Pick<KnownUnit, 'unit' | 'state' | 'masked' | 'verdict' | 'exitKind' | 'exitStatus'> & {
  host: string;
};

/** Hosts that fell silent, and units of the others that failed, are missing or stopped firing. */
export async function hostProblems(sql: Queryable): Promise<Problem[]> {
  const now = new Date();
  const hosts = await sql<{ host: string; receivedAt: Date; tickSeconds: number }[]>`
    SELECT h.host, r.received_at, r.tick_seconds FROM hosts h CROSS JOIN LATERAL (
      SELECT received_at, tick_seconds FROM host_readings WHERE host = h.host ORDER BY at DESC LIMIT 1) AS r ORDER BY h.host`;
  if (hosts.length === 0) return [];
  const silent = hosts.filter((host) => isSilent(host, now));
  const units = await sql<TroubledUnit[]>`
    SELECT host, unit, state, masked, verdict, exit_kind, exit_status FROM host_units
    WHERE state IN ('failed', 'missing', 'stale') AND (allowlisted OR state = 'failed')
      AND host <> ALL (${silent.map(({ host }) => host)}::text[])
    ORDER BY array_position(ARRAY['failed', 'missing', 'stale'], state), since DESC, unit LIMIT ${MOST_READ}`;
  return [
    ...silent.slice(0, LIMIT).map(({ host, receivedAt }) => ({
      message: `no heartbeat from ${host} since ${receivedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
      href: `/hosts/${encodeURIComponent(host)}`,
    })),
    ...[...Map.groupBy(units, ({ host }) => host)].flatMap(([host, own]) => ofHost(host, own)).slice(0, LIMIT),
  ];
}

function ofHost(host: string, units: readonly TroubledUnit[]): Problem[] {
  const place = `/hosts/${encodeURIComponent(host)}`;
  if (units.length > MANY) {
    const counts = Map.groupBy(units, ({ state }) => state);
    const said = [...counts].map(([state, some]) => `${some.length} ${state}`).join(', ');
    return [{ message: `${units.length} units on ${host} are in trouble: ${said}`, href: `${place}?only=trouble` }];
  }
  return units.map((unit) => ({
    message: `${unit.unit} on ${host} ${words(unit)}`,
    href: `${place}/units/${encodeURIComponent(unit.unit)}`,
  }));
}

function words({ state, masked, verdict: number, exitKind, exitStatus }: TroubledUnit): string {
  const verdict = verdictOf(number);
  if (state === 'missing') return masked ? 'is masked' : 'is missing';
  if (verdict !== null && verdict !== 'ok') return `is ${VERDICT_WORDS[verdict]}`;
  const kind = exitKindOf(exitKind);
  return kind === 'none' ? 'failed' : `failed: ${exitWords(kind, exitStatus)}`;
}

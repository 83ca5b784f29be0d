import type { UnitState } from '@kiln/protocol/host-states.ts';
import { momentOf, stateOf, type UnitReading } from './reading.ts';

/** A unit as it was told last: a row of `host_units`. */
export interface KnownUnit {
  unit: string;
  allowlisted: boolean;
  masked: boolean;
  state: UnitState;
  subState: string;
  since: Date;
  verdict: number | null;
  restarts: number | null;
  starts: number | null;
  failedAt: Date | null;
  exitKind: number;
  exitStatus: number | null;
  result: number | null;
}

/** Something that happened to a unit: a row of `host_unit_events` to be. */
export interface NewUnitEvent {
  unit: string;
  at: Date;
  kind: 'seen' | 'state' | 'restart' | 'start' | 'failure' | 'gone';
  fromState: UnitState | null;
  toState: UnitState | null;
  subState: string;
  count: number;
  exitKind: number;
  exitStatus: number | null;
  result: number | null;
  verdict: number | null;
  memoryBytes: number | null;
}

/** A unit after a reading, and what happened since the one before. `changed`: its row has to be written. */
export interface UnitChange {
  row: KnownUnit;
  events: NewUnitEvent[];
  changed: boolean;
}

/** Clocks and roundings move a told time by less than this. */
const SAME_MOMENT_MS = 1500;

/** Compares what a reading says about a unit with what was known. `at`: when the reading was taken. */
export function changesOf(unit: string, reading: UnitReading, known: KnownUnit | null, at: Date): UnitChange {
  const state = stateOf(reading);
  const row: KnownUnit = {
    unit,
    allowlisted: (reading.allowlisted ?? 1) === 1,
    masked: reading.masked === 1,
    state,
    subState: reading.sub,
    since: known?.state === state ? known.since : at,
    verdict: reading.verdict ?? null,
    restarts: reading.restarts ?? null,
    starts: startsToKnow(reading, known),
    failedAt: later(momentOf(reading.failedAt), known?.failedAt ?? null),
    exitKind: known?.exitKind ?? 0,
    exitStatus: known?.exitStatus ?? null,
    result: known?.result ?? null,
  };
  const happened = { ...eventOf(reading, at), unit, toState: state };
  if (known === null) {
    if (row.failedAt !== null || state === 'failed') takeExit(row, reading, null);
    return { row, events: [{ ...happened, kind: 'seen', fromState: null }], changed: true };
  }
  const events: NewUnitEvent[] = [];
  const restarts = grown(known.restarts, row.restarts);
  const failure = failureTime(row, known, reading, at);
  if (failure !== null || (restarts > 0 && endedBadly(reading))) {
    takeExit(row, reading, known);
    row.failedAt = failure ?? at;
  }
  const { exitKind, exitStatus, result } = failure !== null || restarts > 0 ? row : happened;
  const base = { ...happened, exitKind, exitStatus, result, fromState: known.state };
  if (restarts > 0) events.push({ ...base, kind: 'restart', count: restarts });
  // One that is about to be started again has not failed for good: that is a change of its state, and then a restart.
  else if (failure !== null && state !== 'restarting') events.push({ ...base, kind: 'failure', at: failure });
  if (restarts === 0 && isStartedAgain(reading, known)) events.push({ ...base, kind: 'start' });
  if (events.some(({ kind }) => kind !== 'failure')) row.since = at;
  if (known.state !== state || known.verdict !== row.verdict) events.push({ ...base, kind: 'state' });
  return { row, events, changed: events.length > 0 || differs(row, known) };
}

/** The event of a unit that is told of no longer. */
export function goneEvent(known: KnownUnit, at: Date): NewUnitEvent {
  const { unit, state: fromState } = known;
  return { ...eventOf({ sub: '' }, at), unit, kind: 'gone', fromState, toState: null };
}

function eventOf(reading: UnitReading, at: Date): Omit<NewUnitEvent, 'unit' | 'kind' | 'fromState' | 'toState'> {
  return {
    at,
    subState: reading.sub,
    count: 1,
    exitKind: reading.exitKind ?? 0,
    exitStatus: reading.exitStatus ?? null,
    result: reading.result ?? null,
    verdict: reading.verdict ?? null,
    memoryBytes: reading.memory ?? null,
  };
}

function later(a: Date | null, b: Date | null): Date | null {
  return a !== null && b !== null ? (a > b ? a : b) : (a ?? b);
}

/** How much a counter grew. One that is smaller than before began anew, so all of it is growth. */
function grown(before: number | null, now: number | null): number {
  if (before === null || now === null) return 0;
  return now >= before ? now - before : now;
}

/** When it failed since the reading before, or null. The told time where there is one, else the moment it was first seen failed. */
function failureTime(row: KnownUnit, known: KnownUnit, reading: UnitReading, at: Date): Date | null {
  if (reading.failedAt === undefined) return row.state === 'failed' && known.state !== 'failed' ? at : null;
  const told = momentOf(reading.failedAt);
  if (told === null || told.getTime() <= (known.failedAt?.getTime() ?? 0) + SAME_MOMENT_MS) return null;
  return told > at ? at : told;
}

function endedBadly(reading: UnitReading): boolean {
  return (reading.exitKind ?? 0) >= 2 || (reading.exitStatus ?? 0) !== 0;
}

/** Starts are only followed of what runs on: a timer's oneshot starts at each of its ticks, which is no news. */
function startsToKnow(reading: UnitReading, known: KnownUnit | null): number | null {
  return reading.sub === 'running' ? (reading.starts ?? null) : (known?.starts ?? null);
}

function isStartedAgain(reading: UnitReading, known: KnownUnit): boolean {
  return reading.sub === 'running' && known.subState === 'running' && grown(known.starts, reading.starts ?? null) > 0;
}

/**
 * Takes over how it ended. Of a unit that runs again systemd has forgotten that; it is known then only when a reading fell into the
 * pause before.
 */
function takeExit(row: KnownUnit, reading: UnitReading, known: KnownUnit | null): void {
  if ((reading.exitKind ?? 0) !== 0) {
    row.exitKind = reading.exitKind ?? 0;
    row.exitStatus = reading.exitStatus ?? null;
    row.result = reading.result ?? null;
  } else if (known?.state !== 'restarting') {
    row.exitKind = 0;
    row.exitStatus = null;
    row.result = reading.result || null;
  }
}

function differs(row: KnownUnit, known: KnownUnit): boolean {
  return (
    row.allowlisted !== known.allowlisted ||
    row.masked !== known.masked ||
    row.subState !== known.subState ||
    row.restarts !== known.restarts ||
    row.starts !== known.starts ||
    row.failedAt?.getTime() !== known.failedAt?.getTime()
  );
}

import type { HostMetricKey } from '@kiln/protocol/host-metrics.ts';
import {
  EXIT_KINDS,
  type ExitKind,
  TIMER_VERDICTS,
  type TimerVerdict,
  type UnitState,
} from '@kiln/protocol/host-states.ts';

/** Values of metrics by their short keys, as one reading told them. */
export type Figures = { [K in HostMetricKey]?: number };

/** What a heartbeat said about a unit: its figures, and systemd's word for its sub-state. */
export interface UnitReading extends Figures {
  sub: string;
}

/** Everything that one heartbeat said about its host. */
export interface HostReading {
  host: Figures;
  units: Record<string, UnitReading>;
}

const RESTARTING = new Set(['auto-restart', 'auto-restart-queued']);
/** A oneshot that works is never `active`, but in one of these. */
const AT_WORK = new Set(['start', 'start-pre', 'start-post', 'condition', 'reload', 'reload-signal', 'reload-notify']);

/** What a unit is, in one word. */
export function stateOf(unit: UnitReading): UnitState {
  const verdict = verdictOf(unit.verdict);
  if (unit.missing === 1 || unit.masked === 1 || verdict === 'not-loaded') return 'missing';
  if (unit.failed === 1 || unit.sub === 'failed' || verdict === 'last-run-failed') return 'failed';
  if (verdict !== null && verdict !== 'ok') return 'stale';
  if (RESTARTING.has(unit.sub)) return 'restarting';
  return unit.active === 1 || AT_WORK.has(unit.sub) ? 'ok' : 'inactive';
}

/** The word of a verdict's number; null for none, and for one that a newer heartbeat may send. */
export function verdictOf(number: number | null | undefined): TimerVerdict | null {
  return number === null || number === undefined ? null : (TIMER_VERDICTS[number] ?? null);
}

/** The word of an exit kind's number. */
export function exitKindOf(number: number | null | undefined): ExitKind {
  return (number === null || number === undefined ? null : EXIT_KINDS[number]) ?? 'none';
}

/** A metric that is a time in seconds since the epoch; null when it is not told, or 0, which stands for never. */
export function momentOf(seconds: number | null | undefined): Date | null {
  return seconds ? new Date(seconds * 1000) : null;
}

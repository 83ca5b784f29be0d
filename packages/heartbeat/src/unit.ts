import type { Clock } from './machine.ts';
import type { UnitMemory } from './memory.ts';
import { type EXIT_KINDS, RESULTS } from './metrics-table.ts';
import { companionsOf } from './survey.ts';
import type { Properties } from './systemctl.ts';
import type { TimerReading } from './timer.ts';
import { parseDate, parseTimespan } from './timespan.ts';

/** What the heartbeat says of one unit. Times are seconds since 1970; null where there is nothing to say. */
export interface UnitReading {
  unit: string;
  /** Why it is here: `allowlist`, the pattern that it fits, `failed`, `timer of …`, `service of …`, `was here`. */
  source: string;
  allowlisted: boolean;
  /** 1 in systemd_unit_active. */
  active: boolean;
  activeState: string;
  /** SubState; for a unit that cannot be started its LoadState, such as `not-found`. */
  subState: string;
  failed: boolean;
  missing: boolean;
  masked: boolean;
  lastFailure: number | null;
  secondsSinceActive: number | null;
  /** Only services have these; null for other units. */
  service: ServiceReading | null;
  timer: TimerReading | null;
}

/** What only a service has. */
export interface ServiceReading {
  restarts: number;
  starts: number;
  /** null for a unit that is not there, or never ran. */
  exitStatus: number | null;
  exitKind: keyof typeof EXIT_KINDS;
  result: string;
  memoryBytes: number | null;
  cpuSeconds: number | null;
  tasks: number | null;
}

/** Why and with what a unit is read. */
export interface UnitContext {
  unit: string;
  source: string;
  allowlisted: boolean;
  properties: Properties;
  clock: Clock;
  /** From the last tick; null for a unit that was not there. */
  memory: UnitMemory | null;
  /** Whether systemd was started anew since that tick, with all its counters. */
  isNewBoot: boolean;
  timer: TimerReading | null;
  /** How the timers that start this service stand. */
  timersOf: readonly TimerReading[];
}

/** Reads one unit, and what of it the next tick has to know. */
export function readUnit(context: UnitContext): {
  reading: UnitReading;
  memory: Omit<UnitMemory, 'isOutsider' | 'until'>;
} {
  const { unit, source, allowlisted, properties, clock, memory, timer } = context;
  const loadState = properties.get('LoadState') ?? 'not-found';
  const missing = loadState !== 'loaded';
  const activeState = properties.get('ActiveState') ?? 'inactive';
  const failed = activeState === 'failed';
  const runsAndEnds = isRunAndEnd(properties, context.timersOf);
  const succeeded = outcome(properties) ?? memory?.succeeded ?? null;
  const counted = count(properties, memory, context.isNewBoot);
  const lastFailure = latest(failureOf(properties, failed), memory?.lastFailure ?? null);
  const reading: UnitReading = {
    unit,
    source,
    allowlisted,
    active: !missing && (runsAndEnds ? isRunningWell(context, succeeded) : isUp(activeState, timer)),
    activeState,
    subState: missing ? loadState : (properties.get('SubState') ?? ''),
    failed,
    missing,
    masked: loadState === 'masked',
    lastFailure,
    secondsSinceActive: sinceActive(properties, clock, runsAndEnds),
    service: unit.endsWith('.service') ? readService(properties, missing, counted) : null,
    timer,
  };
  return {
    reading,
    memory: {
      ...counted,
      lastFailure,
      succeeded,
      companions: companionsOf(unit, properties),
      timer: timer && { lastTrigger: timer.lastTrigger, nextElapse: timer.nextElapse, interval: timer.interval },
    },
  };
}

/** A service that does its work and ends: inactive is what it is most of the time, and says nothing. */
function isRunAndEnd(properties: Properties, timers: readonly TimerReading[]): boolean {
  const isOneshot = properties.get('Type') === 'oneshot';
  return (isOneshot || timers.length > 0) && properties.get('RemainAfterExit') !== 'yes';
}

function isRunningWell({ properties, timersOf }: UnitContext, succeeded: boolean | null): boolean {
  const activeState = properties.get('ActiveState');
  if (activeState === 'failed' || properties.get('SubState') === 'auto-restart') return false;
  if (timersOf.some(({ verdict }) => verdict === 'running too long')) return false;
  if (activeState !== 'inactive') return true;
  // Not run yet is as it should be for one whose timer is in order.
  return succeeded ?? (timersOf.length > 0 && timersOf.every(({ verdict }) => verdict === 'ok'));
}

function isUp(activeState: string, timer: TimerReading | null): boolean {
  const isActive = ['active', 'reloading', 'refreshing'].includes(activeState);
  return isActive && timer?.verdict !== 'elapsed' && timer?.verdict !== 'overdue';
}

/** Whether the run that ended last went well, as far as systemd still knows of one. */
function outcome(properties: Properties): boolean | null {
  if (properties.get('ActiveState') === 'failed') return false;
  const hasEnded = number(properties.get('ExecMainExitTimestampMonotonic')) ?? 0;
  return hasEnded > 0 ? properties.get('Result') === 'success' : null;
}

/** systemd sets NRestarts back with every start by hand, and with every boot; the totals here only grow. */
function count(
  properties: Properties,
  memory: UnitMemory | null,
  isNewBoot: boolean,
): Pick<UnitMemory, 'restarts' | 'starts' | 'nRestarts' | 'invocation'> {
  const nRestarts = number(properties.get('NRestarts')) ?? 0;
  const invocation = properties.get('InvocationID') ?? '';
  const before = memory && !isNewBoot && nRestarts >= memory.nRestarts ? memory.nRestarts : 0;
  const restarts = nRestarts - before;
  const isAnother = invocation !== '' && invocation !== memory?.invocation;
  return {
    nRestarts,
    invocation: invocation || (memory?.invocation ?? ''),
    restarts: (memory?.restarts ?? 0) + restarts,
    starts: (memory?.starts ?? 0) + (memory ? Math.max(restarts, isAnother ? 1 : 0) : restarts + (isAnother ? 1 : 0)),
  };
}

/** When what systemd shows now of a failure happened. */
function failureOf(properties: Properties, failed: boolean): number | null {
  const date = (key: string) => parseDate(properties.get(key) ?? '');
  const result = properties.get('Result') ?? 'success';
  if (failed || result !== 'success')
    return date('ExecMainExitTimestamp') ?? date('InactiveEnterTimestamp') ?? date('StateChangeTimestamp');
  // A restart by systemd wipes the result of the run before. It began right after that had ended.
  const restarted = (number(properties.get('NRestarts')) ?? 0) > 0;
  return restarted ? date('ExecMainStartTimestamp') : null;
}

function sinceActive(properties: Properties, clock: Clock, runsAndEnds: boolean): number | null {
  const began = runsAndEnds ? 'InactiveExitTimestampMonotonic' : 'ActiveEnterTimestampMonotonic';
  const moments = [
    (number(properties.get(began)) ?? 0) / 1e6,
    parseTimespan(properties.get('LastTriggerUSecMonotonic') ?? '') ?? 0,
  ].filter((moment) => moment > 0 && moment <= clock.monotonic);
  return moments.length > 0 ? clock.monotonic - Math.max(...moments) : null;
}

function readService(
  properties: Properties,
  missing: boolean,
  { restarts, starts }: { restarts: number; starts: number },
): ServiceReading {
  const kinds = ['none', 'exited', 'signal', 'core-dump'] as const;
  const cpu = number(properties.get('CPUUsageNSec'));
  return {
    restarts,
    starts,
    exitStatus: missing ? null : number(properties.get('ExecMainStatus')),
    exitKind: kinds[number(properties.get('ExecMainCode')) ?? 0] ?? 'none',
    result: properties.get('Result') ?? '',
    memoryBytes: number(properties.get('MemoryCurrent')),
    cpuSeconds: cpu === null ? null : cpu / 1e9,
    tasks: number(properties.get('TasksCurrent')),
  };
}

/** The number of a Result in systemd_unit_result. */
export function resultNumber(result: string): number {
  return Object.entries(RESULTS).find(([word]) => word === result)?.[1] ?? RESULTS.other;
}

/** A number; null for `[not set]`, `infinity` and the largest unsigned one, by which systemd says the same. */
function number(text: string | undefined): number | null {
  return text !== undefined && /^\d+$/.test(text) && Number(text) < 2 ** 63 ? Number(text) : null;
}

function latest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}

import { type Boot, type Clock, readBoot } from './machine.ts';
import { emptyMemory, type Memory } from './memory.ts';
import { LEAVING, type Survey } from './survey.ts';
import type { Properties } from './systemctl.ts';
import { readTimer, type TimerReading } from './timer.ts';
import { readUnit, type UnitReading } from './unit.ts';

/** All that one run of the heartbeat read. */
export interface Tick {
  host: string;
  boot: Boot;
  clock: Clock;
  units: UnitReading[];
  /** How long that took, seconds. */
  duration: number;
  /** What the next tick has to know; nothing of it is in a file yet. */
  memory: Memory;
}

/** Makes readings of what systemd said. Changes nothing. */
export function readSurvey(found: Survey, { host, memory }: { host: string; memory: Memory | null }): Tick {
  const boot = readBoot();
  const timers = readTimers(found, memory);
  const next: Memory = { ...(memory ?? emptyMemory(host, boot.id, found.clock.wall * 1000)), boot: boot.id, units: {} };
  const units: UnitReading[] = [];
  for (const { unit, source, allowlisted, until } of found.listed) {
    const properties = found.properties.get(unit) ?? NOTHING;
    const answer = readUnit({
      unit,
      source,
      allowlisted,
      properties,
      clock: found.clock,
      memory: memory?.units[unit] ?? null,
      isNewBoot: memory?.boot !== boot.id,
      timer: timers.get(unit) ?? null,
      timersOf: (properties.get('TriggeredBy') ?? '').split(' ').flatMap((timer) => timers.get(timer) ?? []),
    });
    units.push(answer.reading);
    const wasOutsider = source === LEAVING && (memory?.units[unit]?.isOutsider ?? false);
    next.units[unit] = { ...answer.memory, isOutsider: source === 'failed' || wasOutsider, until };
  }
  return { host, boot, clock: found.clock, units, duration: found.duration, memory: next };
}

const NOTHING: Properties = new Map();

function readTimers({ listed, properties, clock }: Survey, memory: Memory | null): Map<string, TimerReading> {
  const timers = new Map<string, TimerReading>();
  for (const { unit, interval } of listed) {
    const timer = properties.get(unit);
    if (!timer || !unit.endsWith('.timer')) continue;
    const service = properties.get(timer.get('Triggers') ?? '');
    timers.set(unit, readTimer(timer, service, clock, { interval, memory: memory?.units[unit]?.timer ?? null }));
  }
  return timers;
}

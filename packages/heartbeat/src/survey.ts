import { type Allowlist, fits } from './allowlist.ts';
import { type Clock, readClock } from './machine.ts';
import type { Memory } from './memory.ts';
import type { Properties, Systemctl } from './systemctl.ts';

/** What is asked about every unit. Units of other kinds leave out what they don't have. */
export const PROPERTIES = [
  'Id',
  'LoadState',
  'ActiveState',
  'SubState',
  'Type',
  'RemainAfterExit',
  'NRestarts',
  'Result',
  'ExecMainStatus',
  'ExecMainCode',
  'ExecMainStartTimestamp',
  'ExecMainExitTimestamp',
  'ExecMainExitTimestampMonotonic',
  'ActiveEnterTimestampMonotonic',
  'InactiveExitTimestampMonotonic',
  'InactiveEnterTimestamp',
  'InactiveEnterTimestampMonotonic',
  'StateChangeTimestamp',
  'StateChangeTimestampMonotonic',
  'InvocationID',
  'MemoryCurrent',
  'CPUUsageNSec',
  'TasksCurrent',
  'TriggeredBy',
  'Triggers',
  'LastTriggerUSec',
  'LastTriggerUSecMonotonic',
  'NextElapseUSecRealtime',
  'NextElapseUSecMonotonic',
  'TimersMonotonic',
  'TimersCalendar',
] as const;

/** Failed units beside the allowlist that are reported at most: on a machine where all fails, the first ones tell enough. */
const OUTSIDER_LIMIT = 500;
/** Source of a unit that is still reported for a while. */
export const LEAVING = 'was here';
/** How long a unit that is no longer of interest is still reported, so that its recovery is seen. Seconds. */
const GOODBYE = 300;

/** A unit and why it is on the list. */
export interface Listed {
  unit: string;
  source: string;
  allowlisted: boolean;
  /** How often a timer is meant to fire, by the configuration; seconds. */
  interval: number | null;
  /** Until when it is reported without another reason, seconds since 1970; null while there is one. */
  until: number | null;
}

/** All that systemd said in one tick. */
export interface Survey {
  listed: Listed[];
  properties: Map<string, Properties>;
  /** When it said so. */
  clock: Clock;
  /** How long that took, seconds. */
  duration: number;
}

/**
 * Asks systemd about the units of the allowlist and about all that failed. The memory of the last tick says which units belong to them,
 * so that two programs side by side are usually all that is started; what is new since then costs one more.
 */
export async function survey(systemctl: Systemctl, allowlist: Allowlist, memory: Memory | null): Promise<Survey> {
  const began = performance.now();
  const named = allowlist.entries.filter(({ isPattern }) => !isPattern);
  const patterns = allowlist.entries.filter(({ isPattern }) => isPattern);
  const known = [...new Set([...named.map(({ name }) => name), ...Object.keys(memory?.units ?? {})])];
  const [properties, failed, fitting] = await Promise.all([
    systemctl.show(known, PROPERTIES),
    systemctl.failed(),
    systemctl.fitting(patterns.map(({ name }) => name)),
  ]);
  const clock = readClock();
  const list = new Map<string, Listed>();
  const add = (unit: string, source: string, more: Partial<Listed> = {}) => {
    if (!list.has(unit)) list.set(unit, { unit, source, allowlisted: false, interval: null, until: null, ...more });
  };
  for (const { name, interval } of named) add(name, 'allowlist', { allowlisted: true, interval });
  const addFitting = (unit: string) => {
    const entry = patterns.find(({ name }) => fits(unit, name));
    if (entry) add(unit, entry.name, { allowlisted: true, interval: entry.interval });
    return entry;
  };
  for (const { name, loadState } of fitting) if (loadState !== 'not-found') addFitting(name);
  for (const unit of known) if (isInstalled(unit, properties)) addFitting(unit);
  const ids = new Set([...list.keys()].map((unit) => properties.get(unit)?.get('Id') ?? unit));
  for (const { name } of failed.filter(({ name }) => !ids.has(name)).slice(0, OUTSIDER_LIMIT)) add(name, 'failed');

  const ask = async () => {
    const unknown = [...list.keys()].filter((unit) => !properties.has(unit));
    for (const [unit, answer] of await systemctl.show(unknown, PROPERTIES)) properties.set(unit, answer);
  };
  await ask();
  for (const { unit, allowlisted, interval } of [...list.values()]) {
    if (!allowlisted) continue;
    const words = unit.endsWith('.timer') ? 'service of' : 'timer of';
    for (const companion of companionsOf(unit, properties.get(unit) ?? new Map()))
      add(companion, `${words} ${unit}`, { interval });
  }
  await ask();
  for (const [unit, { until, isOutsider }] of Object.entries(memory?.units ?? {})) {
    // What the configuration no longer names leaves at once.
    const lingers = isOutsider || patterns.some(({ name }) => fits(unit, name));
    const end = until ?? clock.wall + GOODBYE;
    if (lingers && end > clock.wall) add(unit, LEAVING, { until: end });
  }
  return { listed: [...list.values()], properties, clock, duration: (performance.now() - began) / 1000 };
}

/**
 * Units that a pattern once fitted stay on the list when systemd unloads them, as it does with those that nothing refers to, unless
 * their file is gone. Instances of a template have no file that could be gone, and may be many: they leave.
 */
function isInstalled(unit: string, properties: ReadonlyMap<string, Properties>): boolean {
  const loadState = properties.get(unit)?.get('LoadState') ?? 'not-found';
  return loadState !== 'not-found' && !unit.includes('@');
}

/** The timers that start a service, or the service that a timer starts. */
export function companionsOf(unit: string, properties: Properties): string[] {
  const names = (key: string) => (properties.get(key) ?? '').split(' ').filter(Boolean);
  if (unit.endsWith('.timer')) return names('Triggers');
  return names('TriggeredBy').filter((name) => name.endsWith('.timer'));
}

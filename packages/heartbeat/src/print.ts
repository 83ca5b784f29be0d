import type { Tick } from './tick.ts';
import { describeSpan } from './timespan.ts';
import type { UnitReading } from './unit.ts';

/** The readings as a table for people. */
export function describeTick({ units, clock, host, duration }: Tick): string {
  const rows = units.map((reading) => [
    reading.unit,
    stateOf(reading),
    reading.subState,
    reading.service ? String(reading.service.restarts) : '',
    reading.service ? exitOf(reading) : '',
    reading.secondsSinceActive === null ? '' : describeSpan(reading.secondsSinceActive),
    reading.lastFailure === null ? '' : `${describeSpan(clock.wall - reading.lastFailure)} ago`,
    timerOf(reading, clock.wall),
  ]);
  const head = ['UNIT', 'STATE', 'SUB STATE', 'RESTARTS', 'LAST EXIT', 'SINCE ACTIVE', 'LAST FAILURE', 'TIMER'];
  const bad = units.filter((reading) => !reading.active).length;
  return `${table([head, ...rows])}${units.length} units on ${host}, ${bad} not as they should be; read in ${Math.round(duration * 1000)} ms\n`;
}

/** Which units are watched, and why. */
export function describeList({ units }: Tick): string {
  return table([['UNIT', 'SOURCE'], ...units.map(({ unit, source }) => [unit, source])]);
}

/** The readings as JSON. */
export function toJson({ host, boot, clock, duration, units }: Tick): string {
  return `${JSON.stringify({ host, at: clock.wall, bootedAt: boot.at, duration, units }, null, 2)}\n`;
}

function stateOf({ active, failed, masked, missing }: UnitReading): string {
  if (masked) return 'masked';
  if (missing) return 'missing';
  if (failed) return 'failed';
  return active ? 'ok' : 'not active';
}

function exitOf({ service }: UnitReading): string {
  if (!service || service.exitStatus === null || service.exitKind === 'none') return '';
  const kind =
    service.exitKind === 'exited' ? `exit ${service.exitStatus}` : `${service.exitKind} ${service.exitStatus}`;
  return service.result === 'success' || service.result === 'exit-code' || service.result === service.exitKind
    ? kind
    : `${kind} (${service.result})`;
}

function timerOf({ timer }: UnitReading, now: number): string {
  if (!timer) return '';
  const words = [timer.reason ? `${timer.verdict}: ${timer.reason}` : timer.verdict];
  if (timer.lastTrigger !== null) words.push(`fired ${describeSpan(now - timer.lastTrigger)} ago`);
  if (timer.nextElapse !== null && timer.nextElapse > now)
    words.push(`next in ${describeSpan(timer.nextElapse - now)}`);
  return words.join(', ');
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${rows.map(line).join('\n')}\n`;
}

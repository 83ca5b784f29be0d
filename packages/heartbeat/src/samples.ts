import type { Memory } from './memory.ts';
import { EXIT_KINDS, type MetricName, type Sample, VERDICTS } from './metrics-table.ts';
import type { Tick } from './tick.ts';
import { resultNumber, type UnitReading } from './unit.ts';

/** What a tick sends, and the series that a receiver may have afterwards. */
export interface Samples {
  samples: Sample[];
  sent: Memory['sent'];
}

/**
 * Samples of a tick. Every series that the ticks before may have left at the receiver and that has no value now gets an end: of a unit
 * that changed its sub_state only the new series is alive, of one that is gone none.
 */
export function samplesOf(tick: Tick): Samples {
  const { host, memory } = tick;
  const samples: Sample[] = [];
  const sent: Partial<Record<MetricName, string[]>> = {};
  const add = (values: Values, labels: Sample['labels'], key: string) => {
    for (const [metric, value] of values) {
      if (value === null) continue;
      samples.push({ metric, labels, value });
      sent[metric] ??= [];
      sent[metric].push(key);
    }
  };
  add(hostValues(tick), { host }, '');
  for (const reading of tick.units) {
    const { unit, subState, active } = reading;
    add([['systemd_unit_active', Number(active)]], { unit, sub_state: subState, host }, `${unit} ${subState}`);
    add(unitValues(reading), { unit, host }, unit);
  }
  for (const metric of Object.keys(memory.sent) as MetricName[]) {
    const now = new Set(memory.host === host ? sent[metric] : []);
    for (const key of memory.sent[metric] ?? [])
      if (!now.has(key)) samples.push({ metric, labels: labelsOf(memory.host, key), value: null });
  }
  return { samples, sent };
}

type Values = [MetricName, number | null][];

function hostValues({ boot, clock, duration }: Tick): Values {
  return [
    ['systemd_host_boot_timestamp_seconds', boot.at],
    ['systemd_heartbeat_last_success_timestamp_seconds', clock.wall],
    ['systemd_heartbeat_duration_seconds', duration],
  ];
}

/** All but systemd_unit_active, which has a label more. */
function unitValues({ service, timer, ...reading }: UnitReading): Values {
  const values: Values = [
    ['systemd_unit_failed', Number(reading.failed)],
    ['systemd_unit_missing', Number(reading.missing)],
    ['systemd_unit_masked', Number(reading.masked)],
    ['systemd_unit_allowlisted', Number(reading.allowlisted)],
    ['systemd_unit_seconds_since_active', reading.secondsSinceActive],
    ['systemd_unit_last_failure_timestamp_seconds', reading.lastFailure],
  ];
  if (service)
    values.push(
      ['systemd_unit_restart_count_total', service.restarts],
      ['systemd_unit_starts_total', service.starts],
      ['systemd_unit_last_exit_status', service.exitStatus],
      ['systemd_unit_last_exit_kind', service.exitStatus === null ? null : EXIT_KINDS[service.exitKind]],
      ['systemd_unit_result', service.exitStatus === null ? null : resultNumber(service.result)],
      ['systemd_unit_memory_bytes', service.memoryBytes],
      ['systemd_unit_cpu_seconds_total', service.cpuSeconds],
      ['systemd_unit_tasks', service.tasks],
    );
  if (timer)
    values.push(
      ['systemd_timer_last_trigger_timestamp_seconds', timer.lastTrigger],
      ['systemd_timer_next_elapse_timestamp_seconds', timer.nextElapse],
      ['systemd_timer_interval_seconds', timer.interval],
      ['systemd_timer_verdict', VERDICTS[timer.verdict]],
    );
  return values;
}

/** Labels of a series in the memory: '', `unit`, or `unit sub_state`; neither word has a space in it. */
function labelsOf(host: string, key: string): Record<string, string> {
  const [unit = '', subState] = key.split(' ');
  if (unit === '') return { host };
  return subState === undefined ? { unit, host } : { unit, sub_state: subState, host };
}

/** What values a metric may have: from 0 to `most`, and only whole ones. A receiver takes no other. */
export interface ValueRange {
  most: number;
  whole: boolean;
}

const FLAG: ValueRange = { most: 1, whole: true };
const CODE: ValueRange = { most: 255, whole: true };
const COUNT: ValueRange = { most: 2_147_483_647, whole: true };
const BYTES: ValueRange = { most: Number.MAX_SAFE_INTEGER, whole: true };
const AMOUNT: ValueRange = { most: 1e12, whole: false };
/** Seconds since the epoch, up to the end of the year 9999. */
const TIME: ValueRange = { most: 253_402_300_799, whole: false };

interface HostMetric {
  name: string;
  type: 'gauge' | 'counter';
  of: 'host' | 'unit';
  range: ValueRange;
}

/**
 * The metrics of a heartbeat as Kiln takes them in and shows them again, each with the short key under which a reading keeps its
 * value. The names are those that `packages/heartbeat` sends.
 */
export const HOST_METRICS = {
  bootAt: { name: 'systemd_host_boot_timestamp_seconds', type: 'gauge', of: 'host', range: TIME },
  heartbeatAt: { name: 'systemd_heartbeat_last_success_timestamp_seconds', type: 'gauge', of: 'host', range: TIME },
  heartbeatSeconds: { name: 'systemd_heartbeat_duration_seconds', type: 'gauge', of: 'host', range: AMOUNT },
  active: { name: 'systemd_unit_active', type: 'gauge', of: 'unit', range: FLAG },
  restarts: { name: 'systemd_unit_restart_count_total', type: 'counter', of: 'unit', range: COUNT },
  exitStatus: { name: 'systemd_unit_last_exit_status', type: 'gauge', of: 'unit', range: COUNT },
  sinceActive: { name: 'systemd_unit_seconds_since_active', type: 'gauge', of: 'unit', range: AMOUNT },
  failed: { name: 'systemd_unit_failed', type: 'gauge', of: 'unit', range: FLAG },
  missing: { name: 'systemd_unit_missing', type: 'gauge', of: 'unit', range: FLAG },
  masked: { name: 'systemd_unit_masked', type: 'gauge', of: 'unit', range: FLAG },
  allowlisted: { name: 'systemd_unit_allowlisted', type: 'gauge', of: 'unit', range: FLAG },
  starts: { name: 'systemd_unit_starts_total', type: 'counter', of: 'unit', range: COUNT },
  exitKind: { name: 'systemd_unit_last_exit_kind', type: 'gauge', of: 'unit', range: CODE },
  result: { name: 'systemd_unit_result', type: 'gauge', of: 'unit', range: CODE },
  failedAt: { name: 'systemd_unit_last_failure_timestamp_seconds', type: 'gauge', of: 'unit', range: TIME },
  memory: { name: 'systemd_unit_memory_bytes', type: 'gauge', of: 'unit', range: BYTES },
  cpu: { name: 'systemd_unit_cpu_seconds_total', type: 'counter', of: 'unit', range: AMOUNT },
  tasks: { name: 'systemd_unit_tasks', type: 'gauge', of: 'unit', range: COUNT },
  lastTrigger: { name: 'systemd_timer_last_trigger_timestamp_seconds', type: 'gauge', of: 'unit', range: TIME },
  nextElapse: { name: 'systemd_timer_next_elapse_timestamp_seconds', type: 'gauge', of: 'unit', range: TIME },
  interval: { name: 'systemd_timer_interval_seconds', type: 'gauge', of: 'unit', range: AMOUNT },
  verdict: { name: 'systemd_timer_verdict', type: 'gauge', of: 'unit', range: CODE },
} as const satisfies Record<string, HostMetric>;

export type HostMetricKey = keyof typeof HOST_METRICS;
export const HOST_METRIC_KEYS = Object.keys(HOST_METRICS) as HostMetricKey[];

/** systemd's word for how a unit ended, by the number that the heartbeat gives it. */
export const UNIT_RESULTS: Readonly<Record<number, string>> = {
  0: 'success',
  1: 'exit-code',
  2: 'signal',
  3: 'core-dump',
  4: 'timeout',
  5: 'watchdog',
  6: 'start-limit-hit',
  7: 'oom-kill',
  8: 'resources',
  9: 'protocol',
  10: 'exec-condition',
  99: 'other',
};

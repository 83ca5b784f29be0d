/** One metric that the heartbeat sends. Documentation, rules and dashboards are checked against this table. */
export interface MetricRow {
  type: 'gauge' | 'counter';
  /** UCUM unit for OTLP; '' where the number has none. Names already hold it, so no receiver appends a suffix. */
  unit: '' | 's' | 'By';
  labels: readonly ('unit' | 'host' | 'sub_state')[];
  help: string;
}

const UNIT = ['unit', 'host'] as const;
const HOST = ['host'] as const;

/** What `systemd_unit_last_exit_kind` counts by. */
export const EXIT_KINDS = { none: 0, exited: 1, signal: 2, 'core-dump': 3 } as const;

/** What `systemd_unit_result` counts by: systemd's own words for Result, and 99 for one that is not in this list. */
export const RESULTS = {
  success: 0,
  'exit-code': 1,
  signal: 2,
  'core-dump': 3,
  timeout: 4,
  watchdog: 5,
  'start-limit-hit': 6,
  'oom-kill': 7,
  resources: 8,
  protocol: 9,
  'exec-condition': 10,
  other: 99,
} as const;

/** What `systemd_timer_verdict` counts by: the first of these, after 0, that holds. */
export const VERDICTS = {
  ok: 0,
  'not loaded': 1,
  inactive: 2,
  elapsed: 3,
  'running too long': 4,
  overdue: 5,
  'last run failed': 6,
} as const;

/** Every metric by its name. */
export const METRICS = {
  systemd_unit_active: {
    type: 'gauge',
    unit: '',
    labels: ['unit', 'sub_state', 'host'],
    help: '1 when the unit does what it is for, else 0. For a oneshot: its last run succeeded, or none was due yet',
  },
  systemd_unit_restart_count_total: {
    type: 'counter',
    unit: '',
    labels: UNIT,
    help: 'Restarts by systemd itself: the sum of NRestarts, which a manual restart does not set back here',
  },
  systemd_unit_last_exit_status: {
    type: 'gauge',
    unit: '',
    labels: UNIT,
    help: 'ExecMainStatus: exit code of the main process, or the number of the signal that ended it',
  },
  systemd_unit_seconds_since_active: {
    type: 'gauge',
    unit: 's',
    labels: UNIT,
    help: 'Time since the last activation. For a oneshot since its last run began, for a timer since it last fired',
  },
  systemd_unit_failed: { type: 'gauge', unit: '', labels: UNIT, help: '1 when systemd calls the unit failed' },
  systemd_unit_missing: {
    type: 'gauge',
    unit: '',
    labels: UNIT,
    help: '1 when the unit cannot be started: there is none of this name, it is masked, or its file is broken',
  },
  systemd_unit_masked: { type: 'gauge', unit: '', labels: UNIT, help: '1 when the unit is masked' },
  systemd_unit_allowlisted: {
    type: 'gauge',
    unit: '',
    labels: UNIT,
    help: '1 when the configuration names the unit; 0 when it is here because it failed, or as the timer or service of one',
  },
  systemd_unit_starts_total: {
    type: 'counter',
    unit: '',
    labels: UNIT,
    help: 'Starts of any cause that were noticed: by hand, by a timer, by systemd',
  },
  systemd_unit_last_exit_kind: {
    type: 'gauge',
    unit: '',
    labels: UNIT,
    help: 'How the main process ended: 0 it did not (yet), 1 exited, 2 killed by a signal, 3 the same with a core dump',
  },
  systemd_unit_result: {
    type: 'gauge',
    unit: '',
    labels: UNIT,
    help: "systemd's Result of the last run: 0 success, 1 exit-code, 2 signal, 3 core-dump, 4 timeout, 5 watchdog, 6 start-limit-hit, 7 oom-kill, 8 resources, 9 protocol, 10 exec-condition, 99 another one",
  },
  systemd_unit_last_failure_timestamp_seconds: {
    type: 'gauge',
    unit: 's',
    labels: UNIT,
    help: 'When the unit last failed, or had to be restarted by systemd. Absent while that was never seen',
  },
  systemd_unit_memory_bytes: {
    type: 'gauge',
    unit: 'By',
    labels: UNIT,
    help: 'Memory of the unit, where systemd accounts for it',
  },
  systemd_unit_cpu_seconds_total: {
    type: 'counter',
    unit: 's',
    labels: UNIT,
    help: 'Processor time of the unit since its start, where systemd accounts for it',
  },
  systemd_unit_tasks: {
    type: 'gauge',
    unit: '',
    labels: UNIT,
    help: 'Processes and threads of the unit, where systemd accounts for them',
  },
  systemd_timer_last_trigger_timestamp_seconds: {
    type: 'gauge',
    unit: 's',
    labels: UNIT,
    help: 'When the timer last fired. Absent when it never did',
  },
  systemd_timer_next_elapse_timestamp_seconds: {
    type: 'gauge',
    unit: 's',
    labels: UNIT,
    help: 'When the timer is to fire next. Absent when it is not to',
  },
  systemd_timer_interval_seconds: {
    type: 'gauge',
    unit: 's',
    labels: UNIT,
    help: 'How often the timer is meant to fire: as configured for the heartbeat, else as its settings and its last runs show',
  },
  systemd_timer_verdict: {
    type: 'gauge',
    unit: '',
    labels: UNIT,
    help: '0 ok, 1 not loaded, 2 inactive, 3 elapsed (never to fire again), 4 running too long, 5 overdue, 6 last run failed',
  },
  systemd_host_boot_timestamp_seconds: { type: 'gauge', unit: 's', labels: HOST, help: 'When the host was booted' },
  systemd_heartbeat_last_success_timestamp_seconds: {
    type: 'gauge',
    unit: 's',
    labels: HOST,
    help: 'When the heartbeat last took readings that reached the receiver',
  },
  systemd_heartbeat_duration_seconds: {
    type: 'gauge',
    unit: 's',
    labels: HOST,
    help: 'How long the heartbeat took for its readings',
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof METRICS;

/** One value of one series. */
export interface Sample {
  metric: MetricName;
  labels: Readonly<Record<string, string>>;
  /** null says that the series ends here (a staleness marker), so that no reader takes its last value for a live one. */
  value: number | null;
  /** When it was read, milliseconds since 1970, where that differs from the others of the same push. */
  at?: number;
}

import { bars, type Sketch, stat, table, thresholds, wordsColumn } from './panels.ts';
import { grown, HOST, now, OF_TIMERS, over } from './queries.ts';
import { RESULT_WORDS, VERDICT_WORDS } from './words.ts';

/** What is shown of all units of the chosen hosts. */
export function overview(): Sketch[] {
  return [...counts(), massRestarts(), troubles(), timers(), hosts()];
}

/** Big figures that say whether all is well. */
function counts() {
  const size = { width: 6, height: 4 };
  const red = { thresholds: thresholds([1, 'red']) };
  return [
    stat(
      {
        ...size,
        title: 'Failed',
        description: 'Units that systemd has given up, on the list of load-bearing units or not.',
        queries: [now(`count(max by (host, unit) (systemd_unit_failed{${HOST}}) == 1) or vector(0)`)],
      },
      red,
    ),
    stat(
      {
        ...size,
        title: 'Missing',
        description: 'Units of the list that are not there, are masked, or have a broken file.',
        queries: [now(`count(max by (host, unit) (systemd_unit_missing{${HOST}}) == 1) or vector(0)`)],
      },
      red,
    ),
    stat(
      {
        ...size,
        title: 'Restarts in this time',
        description: 'How often systemd itself started a unit again in the shown time.',
        queries: [now(`sum(${grown('systemd_unit_restart_count_total', HOST, '$__range')}) or vector(0)`)],
      },
      { thresholds: thresholds([1, 'orange']), decimals: 0 },
    ),
    stat(
      {
        ...size,
        title: 'Silent hosts',
        description: 'Hosts that sent a heartbeat within a day, and none in the last 65 seconds.',
        queries: [
          now(
            `count(time() - max by (host) (last_over_time(systemd_heartbeat_last_success_timestamp_seconds{${HOST}}[1d])) > 65) or vector(0)`,
          ),
        ],
      },
      red,
    ),
  ];
}

function massRestarts() {
  const started = grown('systemd_unit_starts_total', HOST, '$__rate_interval');
  return bars(
    {
      width: 24,
      height: 7,
      title: 'Units that were started again, at the same time',
      description:
        'A tall bar is a mass restart: many units of a host at once, by whatever cause. What timers start is left out; five at once call somebody, unless the host was just booted.',
      queries: [over(`count by (host) (${started} > 0 unless on (host, unit) ${OF_TIMERS})`, '{{host}}')],
    },
    5,
  );
}

function troubles() {
  const failed = `max by (host, unit) (systemd_unit_failed{${HOST}}) == 1`;
  const missing = `max by (host, unit) (systemd_unit_missing{${HOST}}) == 1`;
  const inTrouble = `on (host, unit) (${failed} or ${missing})`;
  return table(
    {
      width: 24,
      height: 7,
      title: 'Failed or missing now',
      description: 'Also units that are not on the list of load-bearing units. Empty is good.',
      queries: [
        now(`max by (host, unit) (systemd_unit_failed{${HOST}}) and ${inTrouble}`),
        now(`max by (host, unit) (systemd_unit_allowlisted{${HOST}}) and ${inTrouble}`),
        now(`1000 * max by (host, unit) (systemd_unit_last_failure_timestamp_seconds{${HOST}}) and ${inTrouble}`),
        now(`max by (host, unit) (systemd_unit_result{${HOST}}) and ${inTrouble}`),
        now(`max by (host, unit) (systemd_unit_last_exit_status{${HOST}}) and ${inTrouble}`),
      ],
    },
    ['host', 'unit'],
    [
      {
        title: 'State',
        config: wordsColumn({ '1': { text: 'failed', color: 'red' }, '0': { text: 'missing', color: 'purple' } }),
      },
      {
        title: 'On the list',
        config: wordsColumn({ '1': { text: 'yes', color: 'text' }, '0': { text: 'no', color: 'text' } }),
      },
      { title: 'Last failure', config: { unit: 'dateTimeFromNow' } },
      { title: 'Result', config: wordsColumn(RESULT_WORDS) },
      { title: 'Exit status', config: {} },
    ],
  );
}

function timers() {
  return table(
    {
      width: 16,
      height: 8,
      title: 'Timers',
      description: 'When each fired and will fire, how often it is meant to, and how it stands.',
      queries: [
        now(`max by (host, unit) (systemd_timer_verdict{${HOST}})`),
        now(`1000 * max by (host, unit) (systemd_timer_last_trigger_timestamp_seconds{${HOST}})`),
        now(`1000 * max by (host, unit) (systemd_timer_next_elapse_timestamp_seconds{${HOST}})`),
        now(`max by (host, unit) (systemd_timer_interval_seconds{${HOST}})`),
      ],
    },
    ['host', 'unit'],
    [
      { title: 'Verdict', config: wordsColumn(VERDICT_WORDS) },
      { title: 'Last', config: { unit: 'dateTimeFromNow' } },
      { title: 'Next', config: { unit: 'dateTimeFromNow' } },
      { title: 'Interval', config: { unit: 's' } },
    ],
  );
}

function hosts() {
  return table(
    {
      width: 8,
      height: 8,
      title: 'Hosts',
      description: 'When each was last heard of, and booted.',
      queries: [
        now(`1000 * max by (host) (last_over_time(systemd_heartbeat_last_success_timestamp_seconds{${HOST}}[1d]))`),
        now(`1000 * max by (host) (last_over_time(systemd_host_boot_timestamp_seconds{${HOST}}[1d]))`),
      ],
    },
    ['host'],
    [
      { title: 'Last heartbeat', config: { unit: 'dateTimeFromNow' } },
      { title: 'Booted', config: { unit: 'dateTimeFromNow' } },
    ],
  );
}

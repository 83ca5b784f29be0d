import { bars, mapping, type Sketch, stat, states, thresholds } from './panels.ts';
import { grown, now, over, UNIT } from './queries.ts';
import { RESULT_WORDS, STATE_WORDS } from './words.ts';

const TIME_AGO = { unit: 'dateTimeFromNow', noValue: 'never', color: { mode: 'fixed', fixedColor: 'text' } };

/** One row of these for each unit of the list, with a value for each host that has it. */
export function unitRow(): Sketch[] {
  const size = { width: 4, height: 4 };
  const active = `systemd_unit_active{${UNIT}}`;
  return [
    stat(
      {
        ...size,
        title: 'Last state',
        description: "The newest sub-state, in systemd's words.",
        // After a change of sub_state the series of the one before may be seen for five more minutes; the newest is right.
        queries: [now(`${active} and topk by (host, unit) (1, timestamp(${active}))`, '{{host}}: {{sub_state}}')],
      },
      {
        thresholds: {
          mode: 'absolute',
          steps: [
            { value: null, color: 'red' },
            { value: 1, color: 'green' },
          ],
        },
      },
      'name',
    ),
    stat(
      {
        ...size,
        title: 'Restarts in this time',
        description: 'How often systemd itself started it again in the shown time.',
        queries: [now(grown('systemd_unit_restart_count_total', UNIT, '$__range'), '{{host}}')],
      },
      { thresholds: thresholds([1, 'orange'], [4, 'red']), decimals: 0 },
    ),
    stat(
      {
        ...size,
        title: 'Last failure',
        description: 'When it last failed or had to be started again.',
        queries: [
          now(
            `1000 * max by (host, unit) (last_over_time(systemd_unit_last_failure_timestamp_seconds{${UNIT}}[$__range]))`,
            '{{host}}',
          ),
        ],
      },
      TIME_AGO,
    ),
    stat(
      {
        ...size,
        title: 'How it ended last',
        description: "systemd's Result of the last run.",
        queries: [now(`max by (host, unit) (systemd_unit_result{${UNIT}})`, '{{host}}')],
      },
      { mappings: mapping(RESULT_WORDS), noValue: 'no run' },
    ),
    bars({
      width: 8,
      height: 4,
      title: 'Restarts',
      description: 'Restarts by systemd itself.',
      queries: [over(grown('systemd_unit_restart_count_total', UNIT, '$__rate_interval'), '{{host}}')],
    }),
    states(
      {
        width: 24,
        height: 4,
        title: 'State over time',
        description: 'Active, not active or failed. A gap is a time without a heartbeat.',
        queries: [
          over(
            `max by (host, unit) (systemd_unit_active{${UNIT}}) - max by (host, unit) (systemd_unit_failed{${UNIT}})`,
            '{{host}}',
          ),
        ],
      },
      { mappings: mapping(STATE_WORDS) },
    ),
  ];
}

import { expect, test } from 'vitest';
import type { Properties } from './systemctl.ts';
import { readTimer } from './timer.ts';

/*
 * What a booted systemd in a test cannot show: suspends, boots, weeks. The properties are as systemd 252 prints them.
 */
const MORNING = Date.parse('2026-11-24T08:00:00Z') / 1000;
const HOUR = 3600;
const DAY = 24 * HOUR;

function properties(values: Record<string, string>): Properties {
  return new Map(Object.entries({ LoadState: 'loaded', ActiveState: 'active', SubState: 'waiting', ...values }));
}

function date(seconds: number): string {
  return `Tue ${new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

const hourly = (last: number, next: number, monotonic: number) =>
  properties({
    TimersCalendar: `{ OnCalendar=*-*-* *:00:00 ; next_elapse=${date(next)} }`,
    LastTriggerUSec: date(last),
    LastTriggerUSecMonotonic: `${monotonic}s`,
    NextElapseUSecRealtime: date(next),
    ActiveEnterTimestampMonotonic: '1000000',
  });

test('a machine that slept through ten runs is not told to be late before the timer had a chance', () => {
  // The clock of the wall went on for ten hours, the monotonic one for ten minutes.
  const timer = hourly(MORNING, MORNING + HOUR, 5000);
  const clock = { wall: MORNING + 10 * HOUR, monotonic: 5600 };
  expect(readTimer(timer, undefined, clock, { interval: null, memory: null }).verdict).toBe('ok');
});

test('the same hours awake are late', () => {
  const timer = hourly(MORNING, MORNING + HOUR, 5000);
  const clock = { wall: MORNING + 10 * HOUR, monotonic: 5000 + 10 * HOUR };
  const reading = readTimer(timer, undefined, clock, { interval: null, memory: null });
  expect(reading).toMatchObject({ verdict: 'overdue', interval: HOUR });
  expect(reading.reason).toBe('no sign of life for 36000 s, every 3600 s is meant');
});

test('after a boot a timer has its time again, however long the machine was off', () => {
  const last = MORNING - 30 * DAY;
  const timer = properties({
    TimersCalendar: '{ OnCalendar=*-*-* *:00:00 ; next_elapse=… }',
    // systemd takes the day from the file of a persistent timer; on the monotonic clock of this boot there is none.
    LastTriggerUSec: date(last),
    NextElapseUSecRealtime: date(MORNING + HOUR),
    ActiveEnterTimestampMonotonic: '10000000',
  });
  for (const monotonic of [30, 60, 90])
    expect(
      readTimer(timer, undefined, { wall: MORNING + monotonic, monotonic }, { interval: 60, memory: null }).verdict,
    ).toBe('ok');
});

test('a weekend is no reason to worry about a timer of working days', () => {
  const friday = Date.parse('2026-11-20T09:00:00Z') / 1000;
  const timer = hourly(friday, friday + 3 * DAY, 1000);
  const memory = { lastTrigger: friday - DAY, nextElapse: friday, interval: DAY };
  const sunday = { wall: friday + 2.5 * DAY, monotonic: 1000 + 2.5 * DAY };
  expect(readTimer(timer, undefined, sunday, { interval: null, memory })).toMatchObject({
    verdict: 'ok',
    interval: 3 * DAY,
  });
});

test('a run that was made up for does not make the interval shorter', () => {
  const midnight = MORNING + 16 * HOUR;
  const timer = hourly(MORNING, midnight, 1000);
  const memory = { lastTrigger: midnight - 2 * DAY, nextElapse: midnight - DAY, interval: DAY };
  const { interval } = readTimer(timer, undefined, { wall: MORNING + 60, monotonic: 1060 }, { interval: null, memory });
  expect(interval).toBe(DAY);
});

test('what systemd forgot with the unit is remembered', () => {
  const gone = properties({ ActiveState: 'inactive', SubState: 'dead' });
  const memory = { lastTrigger: MORNING - 90, nextElapse: MORNING, interval: 30 };
  const reading = readTimer(gone, undefined, { wall: MORNING, monotonic: 1 }, { interval: null, memory });
  expect(reading).toMatchObject({ verdict: 'inactive', lastTrigger: MORNING - 90, nextElapse: null });
});

test('a clock that was set back makes nothing late', () => {
  const timer = hourly(MORNING, MORNING + HOUR, 5000);
  const clock = { wall: MORNING - 400 * DAY, monotonic: 5060 };
  expect(readTimer(timer, undefined, clock, { interval: null, memory: null }).verdict).toBe('ok');
});

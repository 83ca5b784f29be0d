import type { UnitReading } from '@kiln/heartbeat/unit.ts';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Reading, readUnits } from '../support/heartbeat.ts';
import { type BootedSystemd, bootSystemd, noSystemd } from '../support/systemd.ts';

/** Timers in order and out of it, as a real systemd runs them. */
const EVERY_SECOND = '[Timer]\nOnActiveSec=10ms\nOnUnitActiveSec=1s\nAccuracySec=10ms';
const EVERY_MINUTE = '[Timer]\nOnActiveSec=10ms\nOnUnitActiveSec=1min\nAccuracySec=10ms';
const ONESHOT = '[Service]\nType=oneshot\nExecStart=';
const UNITS = {
  'sync.timer': EVERY_MINUTE,
  'sync.service': `${ONESHOT}/bin/true`,
  'stopped.timer': EVERY_SECOND,
  'stopped.service': `${ONESHOT}/bin/true`,
  'stuck.timer': EVERY_SECOND,
  'stuck.service': `${ONESHOT}/bin/sleep infinity`,
  'failing.timer': EVERY_SECOND,
  'failing.service': `${ONESHOT}/bin/false`,
  // It counts from the service's last activation, and nothing ever activates that.
  'elapsed.timer': '[Timer]\nOnUnitInactiveSec=1s',
  'elapsed.service': `${ONESHOT}/bin/true`,
  'boot.timer': '[Timer]\nOnBootSec=1ms',
  'boot.service': `${ONESHOT}/bin/true`,
  'daily.timer': '[Timer]\nOnCalendar=daily\nPersistent=true',
  'daily.service': `${ONESHOT}/bin/true`,
  'late.timer': '[Timer]\nOnCalendar=daily',
  'late.service': '[Service]\nExecStart=/bin/true',
};
const LIST = [
  ...['sync.service', 'stopped.timer', 'stuck.timer', 'failing.timer', 'elapsed.timer', 'boot.timer', 'daily.service'],
  ...['nosuch.timer', 'late.service interval=500ms'],
];

let systemd: BootedSystemd;
let reading: Reading;
/** Seconds since 1970. */
let startedAt: number;

describe.skipIf(noSystemd)('timers of a real systemd', () => {
  beforeAll(async () => {
    systemd = await bootSystemd();
    await systemd.addUnits(UNITS);
    const timers = Object.keys(UNITS).filter((name) => name.endsWith('.timer'));
    startedAt = Math.floor(Date.now() / 1000);
    await systemd.systemctl('start', ...timers);
    await systemd.until('stopped.timer', 'LastTriggerUSec', /\d/);
    await systemd.until('sync.service', 'ExecMainExitTimestampMonotonic', /^[1-9]/);
    await systemd.until('stuck.timer', 'SubState', 'running');
    await systemd.until('boot.service', 'ExecMainExitTimestampMonotonic', /^[1-9]/);
    // Patience lasts for two intervals.
    await vi.waitFor(
      async () => {
        reading = await readUnits(systemd, { list: LIST });
        expect(of('stuck.timer').timer?.verdict).toBe('running too long');
      },
      { timeout: 120_000, interval: 200 },
    );
  }, 180_000);
  afterAll(async () => await systemd?.stop());

  const of = (unit: string, { units } = reading): UnitReading => {
    const found = units.find((one) => one.unit === unit);
    if (!found) throw new Error(`${unit} is not in the readings`);
    return found;
  };

  test('a healthy timer is ok, and its service is active between two runs', () => {
    const { timer } = of('sync.timer');
    expect(timer).toMatchObject({ verdict: 'ok', interval: 60 });
    const lastTrigger = timer?.lastTrigger ?? 0;
    expect(lastTrigger).toBeGreaterThanOrEqual(startedAt);
    expect(lastTrigger).toBeLessThanOrEqual(reading.at);
    expect(timer?.nextElapse).toBeGreaterThan(lastTrigger + 59);
    expect(of('sync.timer').secondsSinceActive).toBeLessThanOrEqual(reading.at - startedAt);
    expect(of('sync.service')).toMatchObject({ active: true, allowlisted: true });
    expect(of('sync.timer')).toMatchObject({ source: 'timer of sync.service', allowlisted: false });
  });

  test('a service that runs longer than two intervals', () => {
    expect(of('stuck.timer').timer).toMatchObject({ verdict: 'running too long' });
    expect(of('stuck.service')).toMatchObject({ active: false, subState: 'start' });
    expect(of('stuck.service').source).toBe('service of stuck.timer');
  });

  test('a service whose last run failed', () => {
    expect(of('failing.timer').timer).toMatchObject({ verdict: 'last run failed' });
    expect(of('failing.service')).toMatchObject({ active: false, failed: true });
  });

  test('a timer that will never fire again, and one that was only to fire once', () => {
    expect(of('elapsed.timer')).toMatchObject({ active: false, activeState: 'active', subState: 'elapsed' });
    expect(of('elapsed.timer').timer).toMatchObject({ verdict: 'elapsed', nextElapse: null, lastTrigger: null });
    expect(of('boot.timer')).toMatchObject({ active: true, timer: { verdict: 'ok', interval: null } });
  });

  test('a calendar: not run yet is as it should be; its interval may be configured', () => {
    const { timer } = of('daily.timer');
    expect(timer).toMatchObject({ verdict: 'ok', lastTrigger: null, interval: null });
    const midnight = new Date(reading.at * 1000).setUTCHours(24, 0, 0, 0) / 1000;
    expect(timer?.nextElapse).toBe(midnight);
    expect(of('daily.service')).toMatchObject({ active: true });
    expect(of('late.timer').timer).toMatchObject({ verdict: 'overdue', interval: 0.5 });
    expect(of('late.service').active).toBe(false);
  });

  test('no timer of that name', () => {
    expect(of('nosuch.timer')).toMatchObject({ active: false, missing: true, timer: { verdict: 'not loaded' } });
  });

  test('a stopped timer is inactive', async () => {
    await systemd.systemctl('stop', 'stopped.timer');
    const { timer, active } = of('stopped.timer', await readUnits(systemd, { list: LIST }));
    expect(active).toBe(false);
    expect(timer).toMatchObject({ verdict: 'inactive', nextElapse: null, interval: 1 });
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { beat, readUnits, runHeartbeat } from '../support/heartbeat.ts';
import { type OtlpReceiver, otlpReceiver } from '../support/otlp-receiver.ts';
import { type BootedSystemd, bootSystemd, noSystemd } from '../support/systemd.ts';

/** What one tick makes of the ticks before it: totals that only grow, and series that end when they should. */
const UNITS = {
  'server.service':
    '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=10ms\nExecStart=/bin/sleep infinity',
  'flaky.service': "[Service]\nExecStart=/bin/sh -c 'test -e /tmp/good && exec sleep infinity; exit 3'",
  'game@.service': '[Service]\nExecStart=/bin/sleep infinity',
};
const LIST = ['server', 'game@*'];

let systemd: BootedSystemd;
let receiver: OtlpReceiver;

describe.skipIf(noSystemd)('from tick to tick', () => {
  beforeAll(async () => {
    systemd = await bootSystemd();
    await systemd.addUnits(UNITS);
  });
  afterAll(async () => await systemd?.stop());
  beforeEach(async () => {
    receiver = await otlpReceiver();
    await systemd.systemctl('restart', 'server');
    await systemd.run(['rm', '-f', '/var/lib/kiln-test.json', '/tmp/good']);
    await beat(systemd, receiver.url, { list: LIST });
  });
  afterEach(async () => await receiver.close());

  const restarts = () => receiver.last('systemd_unit_restart_count_total', 'server.service')[0]?.value;
  const starts = () => receiver.last('systemd_unit_starts_total', 'server.service')[0]?.value;
  const crash = async (times: number) => {
    for (let n = 0; n < times; n++) {
      const before = await systemd.systemctl('show', '--value', '-p', 'NRestarts', 'server');
      await systemd.systemctl('kill', '--signal=KILL', 'server');
      await systemd.until('server.service', 'NRestarts', String(Number(before) + 1));
      await systemd.until('server.service', 'SubState', 'running');
    }
  };

  test('three crashes between two ticks are three restarts', async () => {
    const before = starts() ?? Number.NaN;
    expect(restarts()).toBe(0);
    const crashedAt = Math.floor(Date.now() / 1000);
    await crash(3);
    await beat(systemd, receiver.url);
    expect(restarts()).toBe(3);
    expect(starts()).toBe(before + 3);
    const [failure] = receiver.last('systemd_unit_last_failure_timestamp_seconds', 'server.service');
    expect(failure?.value).toBeGreaterThanOrEqual(crashedAt);
    expect(failure?.value).toBeLessThanOrEqual(Date.now() / 1000);
  });

  test('a restart by hand sets NRestarts back and not the counter', async () => {
    const before = starts() ?? Number.NaN;
    await crash(2);
    await beat(systemd, receiver.url);
    await systemd.systemctl('restart', 'server');
    expect(await systemd.systemctl('show', '--value', '-p', 'NRestarts', 'server')).toBe('0\n');
    await beat(systemd, receiver.url);
    expect([restarts(), starts()]).toEqual([2, before + 3]);
    await crash(1);
    await beat(systemd, receiver.url);
    expect([restarts(), starts()]).toEqual([3, before + 4]);
    expect(receiver.last('systemd_unit_restart_count_total')[0]).toMatchObject({ type: 'counter' });
    const since = receiver.pushes.map(({ points }) => points.find(({ type }) => type === 'counter')?.since);
    expect(new Set(since).size).toBe(1);
  });

  test('without a memory the counter is what systemd counts', async () => {
    await crash(2);
    await systemd.run(['rm', '/var/lib/kiln-test.json']);
    await beat(systemd, receiver.url);
    expect(restarts()).toBe(2);
  });

  test('a broken memory is said to be one, and replaced', async () => {
    await systemd.run(['tee', '/var/lib/kiln-test.json'], { input: '{"version":1,' });
    const { code, stderr } = await runHeartbeat(systemd, { args: ['--endpoint', receiver.url] });
    expect([code, stderr]).toEqual([
      0,
      'kiln heartbeat: /var/lib/kiln-test.json holds no memory of a heartbeat; counters begin anew\n',
    ]);
    await beat(systemd, receiver.url);
  });

  test('another sub_state is a new series, and the end of the old one', async () => {
    const active = () =>
      receiver.last('systemd_unit_active', 'server.service').map(({ labels, value }) => [labels.sub_state, value]);
    expect(active()).toEqual([['running', 1]]);
    await systemd.systemctl('stop', 'server');
    await beat(systemd, receiver.url);
    expect(active()).toEqual([
      ['dead', 0],
      ['running', null],
    ]);
    await beat(systemd, receiver.url);
    expect(active()).toEqual([['dead', 0]]);
  });

  test('an end that did not arrive is sent again', async () => {
    await systemd.systemctl('stop', 'server');
    receiver.answer = { status: 503, body: 'full' };
    const failed = await runHeartbeat(systemd, { args: ['--endpoint', receiver.url] });
    expect(failed).toMatchObject({
      code: 1,
      stderr: `kiln heartbeat: ${receiver.url}/v1/metrics answered 503: full\n`,
    });
    receiver.answer = { status: 200 };
    await systemd.systemctl('start', 'server');
    await systemd.run(['systemctl', 'mask', '--runtime', 'server']);
    await beat(systemd, receiver.url);
    await systemd.run(['systemctl', 'unmask', '--runtime', 'server']);
    const ends = receiver.last('systemd_unit_active', 'server.service').filter(({ value }) => value === null);
    expect(ends.map(({ labels }) => labels.sub_state).sort()).toEqual(['dead']);
  });

  test('a failed unit outside the list is shown, reads 0 when it recovered, and does not just vanish', async () => {
    await systemd.run(['systemctl', 'start', 'flaky']);
    await systemd.until('flaky.service', 'ActiveState', 'failed');
    await beat(systemd, receiver.url);
    expect(receiver.last('systemd_unit_failed', 'flaky.service')).toMatchObject([{ value: 1 }]);
    expect(receiver.last('systemd_unit_allowlisted', 'flaky.service')).toMatchObject([{ value: 0 }]);
    await systemd.run(['touch', '/tmp/good']);
    await systemd.systemctl('start', 'flaky');
    await beat(systemd, receiver.url);
    expect(receiver.last('systemd_unit_failed', 'flaky.service')).toMatchObject([{ value: 0 }]);
    expect(receiver.last('systemd_unit_active', 'flaky.service').map(({ value }) => value)).toEqual([1, null]);
    await beat(systemd, receiver.url);
    expect(receiver.last('systemd_unit_failed', 'flaky.service')).toMatchObject([{ value: 0 }]);
    // Five minutes later: its time is in the memory.
    const elapse = 'sed -i -E \'s,"until":[0-9.]+,"until":1,g\' /var/lib/kiln-test.json';
    await systemd.run(['sh', '-c', elapse]);
    await beat(systemd, receiver.url);
    const ends = receiver.pushes.at(-1)?.points.filter(({ labels }) => labels.unit === 'flaky.service');
    expect(ends?.length).toBeGreaterThan(5);
    expect(ends?.every(({ value }) => value === null)).toBe(true);
    await beat(systemd, receiver.url);
    expect(receiver.pushes.at(-1)?.points.filter(({ labels }) => labels.unit === 'flaky.service')).toEqual([]);
    await systemd.systemctl('stop', 'flaky');
  });

  test('an instance that stopped says so before it leaves', async () => {
    await systemd.systemctl('start', 'game@1');
    await beat(systemd, receiver.url);
    expect(receiver.last('systemd_unit_active', 'game@1.service')).toMatchObject([{ value: 1 }]);
    await systemd.systemctl('stop', 'game@1');
    await beat(systemd, receiver.url);
    expect(receiver.last('systemd_unit_active', 'game@1.service').map(({ value }) => value)).toEqual([0, null]);
  });

  test('two at once disturb neither each other nor the totals', async () => {
    await crash(1);
    const both = await Promise.all([1, 2, 3].map(() => runHeartbeat(systemd, { args: ['--endpoint', receiver.url] })));
    expect(both.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
      [0, ''],
    ]);
    const values = receiver.pushes.slice(-3).map(({ points }) => {
      return points.find(({ metric }) => metric === 'systemd_unit_restart_count_total')?.value;
    });
    expect(values).toEqual([1, 1, 1]);
    await crash(1);
    await beat(systemd, receiver.url);
    expect(restarts()).toBe(2);
  });

  test('another boot counts from 0 again, and the total goes on', async () => {
    await crash(1);
    await beat(systemd, receiver.url);
    // As after a boot in which systemd has restarted it once, too.
    await systemd.run(['sh', '-c', `sed -i 's/"boot":"[^"]*"/"boot":"before"/' /var/lib/kiln-test.json`]);
    await beat(systemd, receiver.url);
    expect(restarts()).toBe(2);
  });

  test('printing changes nothing of the memory', async () => {
    const before = (await systemd.run(['cat', '/var/lib/kiln-test.json'])).stdout;
    await crash(1);
    const { units } = await readUnits(systemd, {});
    expect(units.find(({ unit }) => unit === 'server.service')?.service?.restarts).toBe(1);
    expect((await systemd.run(['cat', '/var/lib/kiln-test.json'])).stdout).toBe(before);
  });
});

import type { UnitReading } from '@kiln/heartbeat/unit.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Reading, readUnits } from '../support/heartbeat.ts';
import { type BootedSystemd, bootSystemd, noSystemd } from '../support/systemd.ts';

/** What the heartbeat says of units in every state that a real systemd puts them into. */
const UNITS = {
  'healthy.service': '[Service]\nExecStart=/bin/sleep infinity',
  'exits-7.service': "[Service]\nExecStart=/bin/sh -c 'exit 7'",
  'killed.service': "[Service]\nExecStart=/bin/sh -c 'kill -USR1 $$$$; sleep 9'",
  'dumped.service': "[Service]\nLimitCORE=infinity\nExecStart=/bin/sh -c 'kill -SEGV $$$$; sleep 9'",
  'slow-start.service': '[Service]\nType=notify\nTimeoutStartSec=300ms\nExecStart=/bin/sleep infinity',
  'barks.service': '[Service]\nWatchdogSec=300ms\nExecStart=/bin/sleep infinity',
  'loops.service':
    '[Unit]\nStartLimitIntervalSec=60\nStartLimitBurst=3\n[Service]\nRestart=always\nRestartSec=10ms\nExecStart=/bin/true',
  'hangs.service': '[Service]\nType=notify\nTimeoutStartSec=infinity\nExecStart=/bin/sleep infinity',
  'once-ok.service': '[Unit]\nBefore=keeper.target\n[Service]\nType=oneshot\nExecStart=/bin/true',
  'once-bad.service': '[Service]\nType=oneshot\nExecStart=/bin/false',
  'once-stays.service': '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/true',
  'once-runs.service': '[Service]\nType=oneshot\nExecStart=/bin/sleep infinity',
  'never.service': '[Service]\nExecStart=/bin/true',
  'no-program.service': '[Service]\nExecStart=/usr/bin/no-such-program',
  'broken.service': '[Service]\nType=simple',
  'game-a.service': '[Service]\nExecStart=/bin/sleep infinity',
  'game-b.service': '[Service]\nExecStart=/bin/sleep infinity',
  'lobby@.service': '[Service]\nExecStart=/bin/sleep infinity',
  'outsider.service': "[Service]\nExecStart=/bin/sh -c 'exit 4'",
  // Keeps what it wants in systemd's memory, as an enabled unit is.
  'keeper.target': '[Unit]\nWants=once-ok.service',
};
const LIST = [
  ...[
    'healthy',
    'exits-7',
    'killed',
    'dumped',
    'slow-start',
    'barks',
    'loops',
    'hangs',
    'once-ok',
    'once-bad',
    'once-stays',
  ],
  ...[
    'once-runs',
    'never',
    'no-program',
    'broken',
    'masked',
    'nosuch',
    'game-*.service',
    'lobby@*.service',
    'dbus.socket',
  ],
];
const FAILING = ['exits-7', 'killed', 'dumped', 'slow-start', 'barks', 'loops', 'once-bad', 'no-program', 'outsider'];

let systemd: BootedSystemd;
let reading: Reading;
/** Seconds since 1970. */
let startedAt: number;

describe.skipIf(noSystemd)('readings of a real systemd', () => {
  beforeAll(async () => {
    systemd = await bootSystemd();
    await systemd.addUnits(UNITS);
    await systemd.run(['systemctl', 'mask', 'masked.service']);
    const running = ['healthy', 'hangs', 'once-runs', 'game-a', 'lobby@one'];
    startedAt = Math.floor(Date.now() / 1000);
    await systemd.systemctl('start', '--no-block', ...running, ...FAILING, 'once-stays', 'keeper.target');
    for (const unit of FAILING) await systemd.until(`${unit}.service`, 'ActiveState', 'failed');
    await systemd.until('keeper.target', 'ActiveState', 'active');
    await systemd.until('hangs.service', 'SubState', 'start');
    reading = await readUnits(systemd, { list: LIST });
  });
  afterAll(async () => await systemd?.stop());

  const of = (name: string): UnitReading => {
    const found = reading.units.find(({ unit }) => unit === (name.includes('.') ? name : `${name}.service`));
    if (!found) throw new Error(`${name} is not in the readings`);
    return found;
  };

  test('a running service is active', () => {
    expect(of('healthy')).toMatchObject({ active: true, subState: 'running', failed: false, missing: false });
    expect(of('healthy')).toMatchObject({ allowlisted: true, source: 'allowlist', lastFailure: null });
    expect(of('healthy').service).toMatchObject({ restarts: 0, starts: 1, exitStatus: 0, exitKind: 'none' });
    expect(of('healthy').secondsSinceActive).toBeGreaterThan(0);
    expect(of('healthy').secondsSinceActive).toBeLessThanOrEqual(reading.at - startedAt);
    expect(of('dbus.socket')).toMatchObject({ active: true, subState: 'running', service: null });
  });

  test.each([
    ['exits-7', 'exited', 7, 'exit-code'],
    ['killed', 'signal', 10, 'signal'],
    ['slow-start', 'signal', 15, 'timeout'],
    ['loops', 'exited', 0, 'start-limit-hit'],
    ['once-bad', 'exited', 1, 'exit-code'],
    ['no-program', 'exited', 203, 'exit-code'],
  ])('%s failed: %s %i, %s', (unit, exitKind, exitStatus, result) => {
    expect(of(unit)).toMatchObject({ active: false, failed: true, subState: 'failed' });
    expect(of(unit).service).toMatchObject({ exitKind, exitStatus, result });
    expect(of(unit).lastFailure).toBeGreaterThanOrEqual(startedAt);
    expect(of(unit).lastFailure).toBeLessThanOrEqual(reading.at);
  });

  test('a core dump and a watchdog are told from other ends', () => {
    expect(of('dumped').service).toMatchObject({ exitStatus: 11 });
    // Whether a core is really written depends on the kernel's core_pattern.
    expect(['core-dump', 'signal']).toContain(of('dumped').service?.exitKind);
    expect(of('barks').service).toMatchObject({ exitStatus: 6, result: 'watchdog' });
  });

  test('a oneshot is judged by its last run', () => {
    expect(of('once-ok')).toMatchObject({ active: true, subState: 'dead', activeState: 'inactive' });
    expect(of('once-ok').secondsSinceActive).toBeGreaterThan(0);
    expect(of('once-stays')).toMatchObject({ active: true, subState: 'exited' });
    expect(of('once-runs')).toMatchObject({ active: true, subState: 'start', activeState: 'activating' });
    expect(of('once-bad').active).toBe(false);
  });

  test('what hangs while it starts, or never ran, is not active', () => {
    expect(of('hangs')).toMatchObject({ active: false, subState: 'start', failed: false });
    expect(of('never')).toMatchObject({ active: false, subState: 'dead', missing: false, secondsSinceActive: null });
  });

  test('missing, masked and broken units are said to be missing, never healthy', () => {
    expect(of('nosuch')).toMatchObject({ active: false, missing: true, masked: false, subState: 'not-found' });
    expect(of('masked')).toMatchObject({ active: false, missing: true, masked: true, subState: 'masked' });
    expect(of('broken')).toMatchObject({ active: false, missing: true, masked: false, subState: 'bad-setting' });
    expect(of('nosuch').service).toMatchObject({ restarts: 0, starts: 0, exitStatus: null });
  });

  test('patterns and templates bring what is loaded; what failed comes by itself', () => {
    expect(of('game-a')).toMatchObject({ active: true, source: 'game-*.service', allowlisted: true });
    expect(of('lobby@one')).toMatchObject({ active: true, source: 'lobby@*.service', allowlisted: true });
    expect(of('outsider')).toMatchObject({ failed: true, source: 'failed', allowlisted: false });
    expect(reading.units.map(({ unit }) => unit)).not.toContain('lobby@.service');
  });

  test('no unit is there twice, not even one that has two names', async () => {
    await systemd.run(['ln', '-s', 'outsider.service', '/etc/systemd/system/alias.service']);
    await systemd.systemctl('daemon-reload');
    const { units } = await readUnits(systemd, { list: ['alias', 'healthy', 'healthy'] });
    const names = units.map(({ unit }) => unit);
    expect(new Set(names).size).toBe(names.length);
    expect(names).not.toContain('outsider.service');
    expect(units.find(({ unit }) => unit === 'alias.service')).toMatchObject({ failed: true, allowlisted: true });
  });

  test('a masked unit that still runs is not healthy: it would not come back', async () => {
    await systemd.run(['sh', '-c', 'mv /etc/systemd/system/game-a.service /tmp; systemctl mask game-a.service']);
    await systemd.systemctl('daemon-reload');
    const { units } = await readUnits(systemd, { list: ['game-a'] });
    expect(units[0]).toMatchObject({ unit: 'game-a.service', active: false, masked: true, missing: true });
  });

  test('a German machine says the same', async () => {
    const env = { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8', LANGUAGE: 'de', TZ: 'Europe/Berlin' };
    const [here, there] = [await readUnits(systemd, { list: LIST }), await readUnits(systemd, { list: LIST, env })];
    const fixed = ({ units }: Reading) => units.map(({ secondsSinceActive: _, ...rest }) => rest);
    expect(fixed(there)).toEqual(fixed(here));
  });
});

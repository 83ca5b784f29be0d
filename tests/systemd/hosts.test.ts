import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type TestPlatform, testPlatform } from '@kiln/platform/testing.ts';
import type { HostDetail, HostList, NewHostToken, UnitDetail } from '@kiln/protocol/hosts.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { beat } from '../support/heartbeat.ts';
import { type BootedSystemd, bootSystemd, noSystemd } from '../support/systemd.ts';

/* From a real systemd over the heartbeat and the platform to the command line: what becomes of a unit that crashes. */

const run = promisify(execFile);
const KILN = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
const TOKEN_FILE = '/etc/kiln/heartbeat-token';
const MANY = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => `many-${name}.service`);
const UNITS = {
  'crashes.service':
    '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=1s\nMemoryAccounting=yes\nExecStart=/bin/sleep infinity',
  'outsider.service': "[Service]\nExecStart=/bin/sh -c 'exit 4'",
  'tick.service': '[Service]\nType=oneshot\nExecStart=/bin/true',
  'tick.timer': '[Timer]\nOnActiveSec=1s\nOnUnitActiveSec=1h',
  ...Object.fromEntries(MANY.map((name) => [name, '[Service]\nExecStart=/bin/sleep infinity'])),
};
const LIST = ['crashes', 'tick.timer', 'many-*.service', 'nosuch'];

describe.skipIf(noSystemd)('a host that Kiln itself hears of', () => {
  let systemd: BootedSystemd;
  let platform: TestPlatform;
  let token: string;

  beforeAll(async () => {
    [systemd, platform] = await Promise.all([bootSystemd(), testPlatform()]);
    const made = await platform.ask('/api/host-tokens', { method: 'POST', body: { name: 'kiln-test' } });
    ({ token } = (await made.json()) as NewHostToken);
    await mkdir(join(systemd.root, 'etc/kiln'), { recursive: true });
    await writeFile(join(systemd.root, TOKEN_FILE), `${token}\n`, { mode: 0o600 });
    await systemd.addUnits(UNITS);
    await systemd.systemctl('start', 'crashes', 'tick.timer', ...MANY);
    await tick();
  });
  afterAll(async () => await Promise.all([systemd?.stop(), platform?.stop()]));

  const tick = async () =>
    await beat(systemd, `${platform.url}/v1/metrics`, { list: LIST, args: ['--token-file', TOKEN_FILE] });
  const unit = async (name: string) => await platform.json<UnitDetail>(`/api/hosts/kiln-test/units/${name}`);
  async function kiln(...args: string[]): Promise<string> {
    const env = { PATH: process.env.PATH, KILN_TOKEN: platform.adminToken, KILN_URL: platform.url };
    return (await run(process.execPath, [KILN, ...args], { env })).stdout;
  }

  test('is told of whole, with its boot, its timers, and what is missing', async () => {
    const host = await platform.json<HostDetail>('/api/hosts/kiln-test');
    expect(Math.abs(Date.parse(host.bootAt ?? '') - Date.now())).toBeLessThan(40 * 86_400_000);
    const states = Object.fromEntries(host.rows.map(({ unit, state }) => [unit, state]));
    expect(states).toMatchObject({
      'crashes.service': 'ok',
      'tick.timer': 'ok',
      'many-a.service': 'ok',
      'nosuch.service': 'missing',
    });
    expect(host.rows.find((row) => row.unit === 'tick.timer')?.timer).toMatchObject({ verdict: 'ok' });
    expect(host.massRestarts).toEqual([]);
  });

  test('shows restarts and the exit kind of a unit that was killed three times', async () => {
    for (let n = 1; n <= 3; n += 1) {
      await systemd.systemctl('kill', '--signal=KILL', 'crashes');
      await systemd.until('crashes.service', 'SubState', 'auto-restart');
      if (n === 3) {
        await tick();
        expect(await unit('crashes.service')).toMatchObject({ state: 'restarting', restarts24h: 2 });
      }
      await systemd.until('crashes.service', 'NRestarts', String(n));
      await systemd.until('crashes.service', 'SubState', 'running');
    }
    await tick();
    const { hosts }: HostList = JSON.parse(await kiln('units', '--json'));
    const row = hosts[0]?.rows.find((row) => row.unit === 'crashes.service');
    expect(row).toMatchObject({ state: 'ok', restarts24h: 3, lastFailure: { exitKind: 'signal', exitStatus: 9 } });
    expect(await kiln('units', 'kiln-test')).toMatch(/^crashes\.service +● ok +\S+.* +3 +.* ago, SIGKILL$/m);
    const { events } = await unit('crashes.service');
    const kinds = events.map(({ kind, count, to, exitKind }) => `${kind} ${count} ${to} ${exitKind}`);
    expect(kinds.filter((kind) => kind.startsWith('restart'))).toEqual([
      'restart 1 ok signal',
      'restart 2 restarting signal',
    ]);
    expect(kinds).toContain('state 1 restarting signal');
    expect(await kiln('report', 'daily')).toMatch(/^crashes\.service +kiln-test +– +3 /m);
  });

  test('shows a failed unit that nobody listed, until it has recovered', async () => {
    await systemd.systemctl('start', 'outsider');
    await systemd.until('outsider.service', 'ActiveState', 'failed');
    await tick();
    expect(await unit('outsider.service')).toMatchObject({
      state: 'failed',
      allowlisted: false,
      lastFailure: { exitKind: 'exited', exitStatus: 4, result: 'exit-code' },
    });
    await systemd.systemctl('reset-failed', 'outsider');
    await tick();
    expect((await unit('outsider.service')).state).toBe('inactive');
  });

  test('sees units that were started again, and in the minutes after its boot no mass restart in that', async () => {
    await systemd.systemctl('restart', ...MANY);
    await tick();
    for (const name of MANY) expect((await unit(name)).events[0]).toMatchObject({ kind: 'start' });
    expect((await platform.json<HostDetail>('/api/hosts/kiln-test')).massRestarts).toEqual([]);
  });

  test('is quiet when nothing happens', async () => {
    await tick();
    const before = await platform.db`SELECT count(*) FROM host_unit_events`;
    for (let n = 0; n < 3; n += 1) await tick();
    expect(await platform.db`SELECT count(*) FROM host_unit_events`).toEqual(before);
  });
});

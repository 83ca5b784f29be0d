import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { METRICS, type MetricName } from '@kiln/heartbeat/metrics-table.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runHeartbeat } from '../support/heartbeat.ts';
import { type OtlpReceiver, otlpReceiver } from '../support/otlp-receiver.ts';
import { type BootedSystemd, bootSystemd, CHECKOUT_INSIDE, noSystemd } from '../support/systemd.ts';

const run = promisify(execFile);
const KILN = fileURLToPath(new URL('../../packages/cli/bin/kiln.mjs', import.meta.url));
const SHIPPED = `${CHECKOUT_INSIDE}/deploy/systemd`;
const UNITS = ['systemd-heartbeat.service', 'systemd-heartbeat.timer'];

let systemd: BootedSystemd;
let receiver: OtlpReceiver;

describe.skipIf(noSystemd)('the shipped units', () => {
  beforeAll(async () => {
    systemd = await bootSystemd();
    await systemd.run(['mkdir', '-p', '/etc/kiln', '/etc/systemd/system/systemd-heartbeat.service.d']);
    for (const unit of UNITS) await systemd.run(['cp', `${SHIPPED}/${unit}`, '/etc/systemd/system/']);
    await systemd.systemctl('daemon-reload');
  });
  afterAll(async () => await systemd?.stop());
  beforeEach(async () => {
    receiver = await otlpReceiver();
    await configure({ KILN_HEARTBEAT_ENDPOINT: receiver.url });
  });
  afterEach(async () => await receiver.close());

  async function configure(environment: Record<string, string>): Promise<void> {
    const lines = Object.entries(environment).map(([key, value]) => `${key}=${value}`);
    await systemd.run(['tee', '/etc/kiln/heartbeat.env'], { input: lines.join('\n') });
  }
  const journal = async () => {
    const { stdout } = await systemd.run(['journalctl', '--output=cat', '--unit=systemd-heartbeat.service', '--quiet']);
    return stdout.split('\n').filter((line) => line.startsWith('kiln heartbeat:'));
  };

  test('pass systemd-analyze verify, and expose little', async () => {
    const files = UNITS.map((unit) => `${SHIPPED}/${unit}`);
    expect(await systemd.run(['systemd-analyze', 'verify', ...files])).toEqual({ code: 0, stdout: '', stderr: '' });
    const { stdout } = await systemd.run(['systemd-analyze', 'security', '--no-pager', 'systemd-heartbeat.service']);
    expect(Number(/exposure level .*: ([\d.]+)/.exec(stdout)?.[1])).toBeLessThan(2.5);
  });

  test('send every 30 seconds, also what they say of themselves', async () => {
    await systemd.systemctl('start', 'systemd-heartbeat.timer');
    const { stdout } = await systemd.run(['systemctl', 'show', '-p', 'TimersMonotonic', 'systemd-heartbeat.timer']);
    expect(stdout).toContain('OnUnitActiveUSec=30s');
    await systemd.systemctl('start', 'systemd-heartbeat.service');
    expect(receiver.pushes).toMatchObject([
      { method: 'POST', path: '/v1/metrics', headers: { 'content-type': 'application/x-protobuf' } },
    ]);
    expect(receiver.last('systemd_timer_verdict', 'systemd-heartbeat.timer')).toMatchObject([{ value: 0 }]);
    expect(receiver.last('systemd_timer_interval_seconds', 'systemd-heartbeat.timer')).toMatchObject([{ value: 30 }]);
    for (const { metric, type, labels } of receiver.pushes[0]?.points ?? []) {
      const row = METRICS[metric as MetricName];
      expect(type).toBe(row.type);
      expect(Object.keys(labels).sort()).toEqual([...row.labels].sort());
      expect(labels.host).toBe('kiln-test');
    }
    expect(await journal()).toEqual([]);
  });

  test('say in one line that the receiver is away, fail, and go on when it is back', async () => {
    const { url } = receiver;
    await receiver.close();
    await expect(systemd.systemctl('start', 'systemd-heartbeat.service')).rejects.toThrow('failed');
    const reason = `connect ECONNREFUSED ${url.replace('http://', '')}`;
    const line = `kiln heartbeat: ${url}/v1/metrics could not be reached: ${reason}; the next tick sends again`;
    expect(await journal()).toEqual([line]);
    receiver = await otlpReceiver();
    await configure({ KILN_HEARTBEAT_ENDPOINT: receiver.url });
    await systemd.systemctl('start', 'systemd-heartbeat.service');
    expect(receiver.pushes).toHaveLength(1);
    expect(await systemd.run(['sh', '-c', 'ls -A /var/lib/systemd-heartbeat'])).toMatchObject({
      stdout: 'state.json\n',
    });
  });

  test('give a token that only root can read, from a credential', async () => {
    const dropIn = '/etc/systemd/system/systemd-heartbeat.service.d/token.conf';
    await systemd.run(['sh', '-c', 'umask 077; echo s3cret >/etc/kiln/heartbeat.token']);
    await systemd.run(['tee', dropIn], { input: '[Service]\nLoadCredential=token:/etc/kiln/heartbeat.token\n' });
    await systemd.systemctl('daemon-reload');
    await systemd.systemctl('start', 'systemd-heartbeat.service');
    await systemd.run(['rm', dropIn]);
    await systemd.systemctl('daemon-reload');
    expect(receiver.pushes.at(-1)?.headers.authorization).toBe('Bearer s3cret');
  });

  test('work while the bus is down', async () => {
    await systemd.run(['systemctl', 'stop', 'dbus.socket', 'dbus.service']);
    await systemd.systemctl('start', 'systemd-heartbeat.service');
    await systemd.systemctl('start', 'dbus.socket');
    expect(receiver.pushes).toHaveLength(1);
  });

  test('a receiver that never answers is given up', async () => {
    receiver.answer = null;
    const { code, stderr } = await runHeartbeat(systemd, { list: ['dbus'], args: ['--endpoint', receiver.url] });
    expect([code, stderr]).toEqual([
      1,
      `kiln heartbeat: ${receiver.url}/v1/metrics could not be reached: no answer within 5 s; the next tick sends again\n`,
    ]);
  });

  test('the list is configuration: a unit appears and disappears with its line', async () => {
    const list = async (lines: string[]) =>
      (await runHeartbeat(systemd, { list: lines, args: ['--list-units'] })).stdout;
    expect(await list(['dbus'])).toMatch(/^UNIT +SOURCE\ndbus\.service +allowlist\n$/);
    expect(await list(['dbus', 'basic.target'])).toMatch(/^basic\.target +allowlist$/m);
    expect(await list(['basic.target'])).not.toContain('dbus');
    const wrong = await runHeartbeat(systemd, { list: ['basic.target', 'not a unit'], args: ['--dry-run'] });
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('kiln heartbeat: /etc/kiln-test.conf:2: "a" after not is not understood');
    expect(wrong.stdout).toMatch(/^basic\.target +ok +active/m);
  });

  test('a unit that there is not is reported, and no failure', async () => {
    const { code, stdout } = await runHeartbeat(systemd, { list: ['nosuch'], args: ['--dry-run'] });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^nosuch\.service +missing +not-found/m);
  });
});

describe('kiln heartbeat', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kiln-heartbeat-'));
    await mkdir(join(folder, 'bin'));
  });
  afterEach(async () => await rm(folder, { recursive: true, force: true }));

  async function kiln(
    args: string[],
    env: Record<string, string> = {},
  ): Promise<{ code: number; out: string; err: string }> {
    const options = { env: { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}`, ...env } };
    try {
      const { stdout, stderr } = await run(process.execPath, [KILN, 'heartbeat', ...args], options);
      return { code: 0, out: stdout, err: stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, out: stdout, err: stderr };
    }
  }

  test('takes what systemctl in PATH says, of the list and of what failed', async () => {
    const script = `#!/bin/sh
      [ "$1" = list-units ] && echo "odd.service loaded failed failed Odd" && exit
      while [ "$1" != -- ]; do shift; done; shift
      for unit; do printf 'Id=%s\\nLoadState=loaded\\nActiveState=failed\\nSubState=failed\\n\\n' "$unit"; done`;
    await writeFile(join(folder, 'bin/systemctl'), script, { mode: 0o755 });
    await writeFile(join(folder, 'conf'), 'mine\n');
    const { code, out } = await kiln(['--list-units', '--config', join(folder, 'conf')]);
    expect([code, out]).toEqual([0, 'UNIT          SOURCE\nmine.service  allowlist\nodd.service   failed\n']);
  });

  test('has a help with examples, and names what is wrong with a call', async () => {
    const help = await kiln(['--help']);
    expect(help).toMatchObject({ code: 0, err: '' });
    expect(help.out).toMatch(/Examples:\n {2}kiln heartbeat --dry-run/);
    expect(await kiln(['--dryrun'])).toMatchObject({ code: 2, out: '' });
    expect((await kiln(['--dry-run', '--once-json'])).err).toContain("--dry-run and --once-json can't stand together");
    expect(await kiln(['--config', '/no/such'])).toMatchObject({ code: 1 });
    const wrong = { KILN_HEARTBEAT_ENDPOINT: 'metrics:8428' };
    expect((await kiln([], wrong)).err).toContain('"metrics:8428" is no address; an endpoint is such as http://');
    expect((await kiln(['--endpoint', 'http://me:secret@h/'])).err).not.toContain('secret@');
  });
});

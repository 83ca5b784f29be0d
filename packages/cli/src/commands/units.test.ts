import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type TestPlatform, testPlatform } from '@kiln/platform/testing.ts';
import type { UnitReading } from '@kiln/store/hosts/reading.ts';
import { recordReading } from '@kiln/store/hosts/record.ts';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';

/** Each test starts several processes, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 180_000 });

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
let platform: TestPlatform;

beforeAll(async () => {
  platform = await testPlatform();
});
afterAll(async () => await platform.stop());

async function kiln(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { PATH: process.env.PATH, KILN_TOKEN: platform.adminToken, KILN_URL: platform.url };
  return await new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr });
    });
  });
}

async function tell(secondsAgo: number, units: Record<string, UnitReading>): Promise<void> {
  const at = new Date(Date.now() - secondsAgo * 1000);
  await recordReading(platform.db, 'web-1', at, { host: {}, units }, at);
}

test('units, the daily report and the tokens of heartbeats, from the first to a bad day', async () => {
  expect(await kiln('units')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('no host has sent a heartbeat yet'),
  });
  expect((await kiln('report', 'daily')).stdout).toMatch(
    /^From .* UTC to .* UTC\nA quiet time: nothing failed, restarted or went stale \(0 hosts, 0 runs\)\.\n$/,
  );

  const running = { sub: 'running', active: 1, failed: 0 };
  const nextElapse = Date.now() / 1000 + 3600;
  const timer = { sub: 'waiting', active: 1, verdict: 0, nextElapse, lastTrigger: nextElapse - 7200, interval: 7200 };
  await tell(40, {
    'nginx.service': { ...running, restarts: 0 },
    'backup.timer': timer,
    'k3s.service': { ...running },
  });
  expect((await kiln('units', '--failed')).stdout).toContain('No unit is in trouble.');

  const failedAt = Date.now() / 1000 - 20;
  await tell(0, {
    'nginx.service': { ...running, restarts: 2, exitKind: 2, exitStatus: 9, result: 7 },
    'backup.timer': timer,
    'k3s.service': { sub: 'failed', active: 0, failed: 1, exitKind: 1, exitStatus: 7, result: 1, failedAt },
    'odd.service': { sub: 'failed', active: 0, failed: 1, allowlisted: 0 },
  });
  const { stdout, code } = await kiln('units', 'web-1');
  expect(code).toBe(0);
  const lines = stdout.split('\n');
  expect(lines[0]).toMatch(/^web-1 {2}heartbeat (now|[\d.]+s ago)$/);
  expect(lines[1]).toMatch(/^UNIT +STATE +SINCE +RESTARTS 24 H +LAST FAILURE +NEXT$/);
  expect(stdout).toMatch(/^k3s\.service +✗ failed +(now|[\d.]+s ago) +0 +\d+s ago, exit 7$/m);
  expect(stdout).toMatch(/^odd\.service \(not listed\) +✗ failed/m);
  expect(stdout).toMatch(/^nginx\.service +● ok +(now|[\d.]+s ago) +2 +(now|[\d.]+s ago), out of memory$/m);
  expect(stdout).toMatch(/^backup\.timer +● ok .*in 5\dm \d\ds$/m);

  const failed = await kiln('units', '--failed', '--json');
  expect(failed.code).toBe(1);
  const [host] = JSON.parse(failed.stdout).hosts;
  expect(host.rows.map(({ unit }: { unit: string }) => unit)).toEqual(['k3s.service', 'odd.service']);
  expect(host.rows[0]).toMatchObject({ lastFailure: { exitKind: 'exited', exitStatus: 7, result: 'exit-code' } });
  expect(await kiln('units', 'no-such-host')).toMatchObject({
    code: 1,
    stderr: 'kiln: there is no host no-such-host\n',
  });

  const report = await kiln('report', 'daily', '--since', '1h');
  expect(report.stdout).toMatch(/^k3s\.service +web-1 +1 +– +– +failed +[\dms ]+ ago, exit 7$/m);
  expect(report.stdout).toMatch(/^nginx\.service +web-1 +– +2 +– +ok/m);
  expect(JSON.parse((await kiln('report', 'daily', '--json')).stdout)).toMatchObject({ quiet: false, source: 'kiln' });
  expect((await kiln('report', 'daily', '--from', 'metrics')).stderr).toContain('set metrics.url');
  expect((await kiln('report', 'daily', '--since', 'yesterday')).stderr).toContain('"yesterday" is not a duration');

  expect((await kiln('host', 'tokens')).stdout).toBe('There are none. Make one: kiln host token <host>\n');
  const token = (await kiln('host', 'token', 'web-1')).stdout.trim();
  expect(token).toMatch(/^[\w-]{43}$/);
  const [row] = JSON.parse((await kiln('host', 'tokens', '--json')).stdout).tokens;
  expect(row).toMatchObject({ name: 'web-1', host: 'web-1' });
  expect((await kiln('host', 'revoke', row.tokenId)).stdout).toBe(`${row.tokenId} is revoked\n`);
  expect((await kiln('host', 'forget', 'web-1')).stdout).toBe('web-1 is forgotten\n');
  expect((await kiln('units')).code).toBe(1);
}, 120_000);

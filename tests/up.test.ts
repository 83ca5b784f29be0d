import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../packages/cli/src/client.ts';
import { startRun } from '../packages/cli/src/start-run.ts';
import type { FarmStatus, PackageList, RunDetail, RunList } from '../packages/protocol/src/api.ts';
import {
  clientOf,
  isAlive,
  LAUNCHER,
  pidOf,
  type RunningFarm,
  startKiln,
  stopKiln,
  untilReady,
} from './support/kiln-up.ts';

const PARTS = ['agent', 'server', 'postgres'] as const;
const WAITING = { timeout: 60_000, interval: 50 };
const folders: string[] = [];
const farms: RunningFarm[] = [];

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'kiln-up-'));
  folders.push(made);
  return made;
}

function up(dataDir: string, args: string[] = [], env: Record<string, string> = {}): RunningFarm {
  const farm = startKiln(dataDir, args, env);
  farms.push(farm);
  return farm;
}

afterAll(async () => {
  for (const farm of farms) if (farm.process.exitCode === null) await stopKiln(farm);
  for (const path of folders) await rm(path, { recursive: true, force: true });
});

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command against a farm; `heard` is called with all that it printed so far. */
async function kiln(farm: RunningFarm, args: string[], heard = (_: string): void => {}): Promise<Outcome> {
  const env = { PATH: process.env.PATH, KILN_DATA: farm.dataDir };
  return await new Promise((resolve) => {
    const child = execFile(process.execPath, [LAUNCHER, ...args], { env }, (error, stdout, stderr) => {
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr });
    });
    let soFar = '';
    child.stdout?.on('data', (text: string) => {
      soFar += text;
      heard(soFar);
    });
  });
}

async function untilBuilding(client: Client, runId: string): Promise<void> {
  await expect.poll(async () => (await client.get<RunDetail>(`/api/runs/${runId}`)).status, WAITING).toBe('building');
}

async function finished(client: Client, runId: string): Promise<RunDetail> {
  let run: RunDetail | null = null;
  await expect
    .poll(async () => {
      run = await client.get<RunDetail>(`/api/runs/${runId}`).catch(() => run);
      return run?.status;
    }, WAITING)
    .toMatch(/completed|failed|cancelled/);
  if (!run) throw new Error(`there is no run ${runId}`);
  return run;
}

describe('the first start', () => {
  let farm: RunningFarm;
  let client: Client;
  beforeAll(async () => {
    farm = up(await folder());
    client = await clientOf(farm);
  });

  test('says where the dashboard is, and its link signs a browser in once', async () => {
    await expect.poll(farm.stdout, WAITING).toContain('Kiln is ready');
    expect(farm.stdout()).toContain(`Dashboard  ${client.url}\n`);
    const link = /Sign in +(\S+)/.exec(farm.stdout())?.[1] ?? '';
    const signIn = await fetch(link, { redirect: 'manual' });
    expect(signIn.status).toBe(303);
    const cookie = signIn.headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await fetch(`${client.url}/api/runs`, { headers: { cookie } })).status).toBe(200);
    expect((await fetch(`${client.url}/api/runs`)).status).toBe(401);
    expect((await fetch(link, { redirect: 'manual' })).status).toBe(401);
  });

  test('logs the milestones of a start, and nothing but events', () => {
    expect(farm.events).toContainEqual(
      expect.objectContaining({ level: 'info', msg: 'kiln starting', mode: 'daemon' }),
    );
    expect(farm.events).toContainEqual(
      expect.objectContaining({ msg: 'recipe roster loaded', count: expect.any(Number) }),
    );
    expect(farm.noise).toEqual([]);
  });

  test('builds and publishes the examples, and the broken one fails in a telling way', async () => {
    const published = async () =>
      (await client.get<PackageList>('/api/packages')).packages.map((entry) => entry.package);
    await expect.poll(published, WAITING).toContain('hello');
    await expect.poll(published, WAITING).toContain('hello-kiln');
    const { runs } = await client.get<RunList>('/api/runs', { recipe: 'kettle' });
    const run = await finished(client, runs[0]?.runId ?? '');
    expect(run).toMatchObject({ version: '2.0.0', status: 'failed', failure: { phase: 'check', exitCode: 1 } });
    expect(run.failure?.lineText).toContain("src/tea.c:9:5: error: call to undeclared function 'kettle_pour'");
    const older = await startRun(client, 'kettle@1.1.0', { force: false });
    expect((await finished(client, older.runs[0]?.runId ?? '')).status).toBe('completed');
  });

  test('a second start on the same folder is refused with the pid of the first', async () => {
    const second = up(farm.dataDir);
    expect(await second.ended).toBe(1);
    expect(second.events.map((event) => event.error)).toEqual([
      `Kiln already runs on ${farm.dataDir} (pid ${farm.process.pid}); stop it, or start this one with --data ANOTHER`,
    ]);
  });

  test('SIGHUP reads the recipes again without a request being dropped', async () => {
    const before = await client.get<FarmStatus>('/status');
    await writeFile(join(farm.dataDir, 'recipes', 'extra.yaml'), 'steps: [echo extra]\n');
    farm.process.kill('SIGHUP');
    // Every one of these must be answered, also those in the middle of the reload.
    const asked = async () => (await client.get<FarmStatus>('/status')).recipes;
    const now = async () => (await Promise.all(Array.from({ length: 20 }, asked))).at(-1);
    await expect.poll(now, { ...WAITING, interval: 1 }).toEqual(['extra', ...before.recipes]);
  });

  test.each(PARTS)('a killed %s comes back, and the build under way ends', async (part) => {
    const { runs } = await startRun(client, 'hello@1.0.0', { force: true });
    const runId = runs[0]?.runId ?? '';
    await untilBuilding(client, runId);
    const pid = await pidOf(farm.dataDir, part);
    process.kill(pid, 'SIGKILL');
    expect((await finished(client, runId)).status).toBe('completed');
    expect(farm.events).toContainEqual(
      expect.objectContaining({ level: 'warn', msg: 'part ended, starting it again', part }),
    );
    expect(await pidOf(farm.dataDir, part)).not.toBe(pid);
  });

  test('kiln run --watch prints the whole log, then the verdict as its exit code', async () => {
    const good = await kiln(farm, ['run', 'hello@1.1.0', '--watch']);
    expect(good.code).toBe(0);
    expect(good.stdout).toContain('\n15 passed, 0 failed\n');
    expect(good.stdout).toMatch(
      /✓ completed hello 1\.1\.0 in [\d.]+s\n {2}published hello 1\.1\.0 in main: hello-1\.1\.0\.tar\.gz\n$/,
    );
    const bad = await kiln(farm, ['run', 'kettle@2.0.0', '--force', '--watch']);
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(
      /✗ failed kettle 2\.0\.0 .*\n.*exit code 1 \(phase check\)\n {2}line \d+: src\/tea\.c:9:5: error/,
    );
    const again = await kiln(farm, ['run', 'hello@1.1.0']);
    expect(again).toEqual({
      code: 1,
      stdout: 'no run: hello 1.1.0 is in the archive; --force builds it again\n',
      stderr: '',
    });
  });

  test('kiln watch goes on when the server dies, without a line lost or repeated', async () => {
    const { runs } = await startRun(client, 'hello@1.2.0', { force: false });
    const begun = Promise.withResolvers<void>();
    const watching = kiln(farm, ['watch', (runs[0]?.runId ?? '').slice(0, 8)], (text) => {
      if (text.includes('  translate')) begun.resolve();
    });
    await begun.promise;
    process.kill(await pidOf(farm.dataDir, 'server'), 'SIGKILL');
    const { code, stdout } = await watching;
    expect(code).toBe(0);
    const translated = stdout.split('\n').filter((line) => line.startsWith('  translate'));
    expect(translated).toHaveLength(12);
    expect(new Set(translated).size).toBe(12);
  });

  test('SIGTERM stops everything without an error', async () => {
    const pids = await Promise.all(PARTS.map(async (part) => await pidOf(farm.dataDir, part)));
    farm.events.length = 0;
    expect(await stopKiln(farm)).toBe(0);
    expect(pids.filter(isAlive)).toEqual([]);
    expect(farm.events.filter((event) => event.level === 'error')).toEqual([]);
    expect(farm.noise).toEqual([]);
  });

  test('after a kill -9 nothing stays, and the next start has everything', async () => {
    const again = up(farm.dataDir);
    await untilReady(again);
    const pids = await Promise.all(PARTS.map(async (part) => await pidOf(farm.dataDir, part)));
    again.process.kill('SIGKILL');
    await expect.poll(() => pids.filter(isAlive), WAITING).toEqual([]);
    const third = up(farm.dataDir);
    client = await clientOf(third);
    expect((await client.get<PackageList>('/api/packages')).packages.length).toBeGreaterThan(0);
    expect(await stopKiln(third)).toBe(0);
  });
});

/** A server of another program. */
async function listening(): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0 };
}

describe('other ways to start', () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await folder();
  });
  afterEach(async () => {
    for (const farm of farms) if (farm.process.exitCode === null) await stopKiln(farm);
  });

  test('--once builds what is new and ends, with nothing listening', async () => {
    const { server, port } = await listening();
    const farm = up(dataDir, ['--once'], { KILN_HTTP_ADDR: `127.0.0.1:${port}` });
    const ended = await farm.ended;
    server.close();
    expect(farm.events).toContainEqual(expect.objectContaining({ msg: 'kiln starting', mode: 'once' }));
    expect(farm.events.filter((event) => event.msg === 'webhook server listening')).toEqual([]);
    expect(await readdir(join(dataDir, 'repositories'))).toContain('main');
    expect({ ended, stdout: farm.stdout() }).toEqual({ ended: 0, stdout: '' });
  });

  test('a taken port is named before anything starts', async () => {
    const { server, port } = await listening();
    const farm = up(dataDir, ['--port', String(port)]);
    expect(await farm.ended).toBe(1);
    server.close();
    expect(farm.events).toEqual([
      expect.objectContaining({
        level: 'error',
        msg: 'kiln exited with error',
        error: `127.0.0.1:${port} is taken by another program (http.addr); choose another with --port N, or set KILN_HTTP_ADDR`,
      }),
    ]);
    expect(await readdir(dataDir)).not.toContain('postgres');
  });

  test('without http.addr nothing listens, and watching goes on', async () => {
    await writeFile(join(dataDir, 'kiln.yaml'), 'farm_id: quiet\n');
    const farm = up(dataDir, [], { KILN_HTTP_ADDR: '' });
    const ready = await untilReady(farm);
    expect(ready.http).toBeNull();
    expect(farm.events.some((event) => event.msg === 'webhook server listening')).toBe(false);
    expect(farm.stdout()).toContain('off: http.addr is not set');
    expect(await stopKiln(farm)).toBe(0);
  });

  test('a mistake in the configuration is named with its line', async () => {
    await writeFile(join(dataDir, 'kiln.yaml'), 'farm_id: mine\nhttp:\n  adr: 127.0.0.1:1\n');
    const farm = up(dataDir);
    expect(await farm.ended).toBe(1);
    expect(String(farm.events[0]?.error)).toMatch(/kiln\.yaml:3: .*adr.*did you mean "addr"/);
  });

  test('whoever reads the log may leave: the farm ends', async () => {
    const farm = up(dataDir, ['--no-starter']);
    await untilReady(farm);
    farm.process.stdout?.destroy();
    farm.process.stderr?.destroy();
    process.kill(await pidOf(dataDir, 'agent'), 'SIGKILL');
    expect(await farm.ended).not.toBe(0);
    expect(await readFile(join(dataDir, 'run', 'kiln.pid'), 'utf8').catch(() => 'gone')).toBe('gone');
  });
});

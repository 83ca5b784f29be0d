import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startFarm } from '../tests/support/farm.ts';
import { SINGLE, timeRuns } from './kiln-runs.ts';
import { report } from './report.ts';

/**
 * 200 builds of `true`, two at once, from the first order to all finished: Kiln beside Buildbot from Debian's packages, in one
 * run. Both are ordered over a socket on this machine and keep every build. `--install` installs Buildbot where it is not.
 */
const BUILDS = 200;
const run = promisify(execFile);
const here = (name: string) => fileURLToPath(new URL(`./buildbot/${name}`, import.meta.url));

class Buildbot {
  readonly #folder: string;
  readonly #port: number;
  readonly #processes: ChildProcess[] = [];

  constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  async start(): Promise<void> {
    const master = join(this.#folder, 'master');
    const worker = join(this.#folder, 'worker');
    const env = { ...process.env, BENCH_PORT: String(this.#port) };
    await run('buildbot', ['create-master', '--relocatable', master], { env });
    await copyFile(here('master.cfg'), join(master, 'master.cfg'));
    await run('buildbot-worker', ['create-worker', worker, `127.0.0.1:${this.#port}`, 'bench', 'bench'], { env });
    this.#processes.push(spawn('buildbot', ['start', '--nodaemon', master], { env, stdio: 'ignore' }));
    await this.#said(join(master, 'twistd.log'), 'BuildMaster is running');
    this.#processes.push(spawn('buildbot-worker', ['start', '--nodaemon', worker], { env, stdio: 'ignore' }));
    await this.#said(join(worker, 'twistd.log'), 'Connected to buildmaster');
  }

  /** Orders builds and waits for them. Returns milliseconds. */
  async time(builds: number): Promise<number> {
    const state = join(this.#folder, 'master', 'state.sqlite');
    const { stdout } = await run('/usr/bin/python3', [
      here('order.py'),
      `127.0.0.1:${this.#port}`,
      state,
      String(builds),
    ]);
    return Number(stdout);
  }

  async stop(): Promise<void> {
    for (const child of this.#processes.reverse()) {
      if (child.exitCode !== null) continue;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    }
  }

  async #said(log: string, text: string): Promise<void> {
    for (let waited = 0; waited < 30_000; waited += 100) {
      if ((await readFile(log, 'utf8').catch(() => '')).includes(text)) return;
      await sleep(100);
    }
    throw new Error(`Buildbot did not start; see ${log}:\n${await readFile(log, 'utf8').catch(() => 'there is none')}`);
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

async function timeKiln(): Promise<number> {
  const kiln = await startFarm({ recipes: { 'single.yaml': SINGLE } });
  try {
    await kiln.finished((await kiln.start('single', 'warm')).runs[0] ?? '');
    return await timeRuns(kiln, BUILDS, 'v1');
  } finally {
    await kiln.remove();
  }
}

async function timeBuildbot(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-bench-buildbot-'));
  const buildbot = new Buildbot(folder, await freePort());
  try {
    await buildbot.start();
    await buildbot.time(1);
    return await buildbot.time(BUILDS);
  } finally {
    await buildbot.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const isThere = () => spawnSync('buildbot', ['--version'], { stdio: 'ignore' }).status === 0;
const install = ['install', '--yes', '-qq', '--no-install-recommends', 'buildbot', 'buildbot-worker'];
if (!isThere() && process.argv.includes('--install')) spawnSync('apt-get', install, { stdio: ['ignore', 2, 2] });
if (isThere()) {
  const buildbot = await timeBuildbot();
  const kiln = await timeKiln();
  report('buildbot', [
    { name: `peer: ${BUILDS} builds by Buildbot, two at once`, ms: buildbot },
    { name: `${BUILDS} runs by Kiln, two slots`, ms: kiln, ratio: kiln / buildbot, claim: 1 },
  ]);
} else {
  process.stdout.write(
    'buildbot\n  not installed (Debian packages buildbot, buildbot-worker); --install installs it\n',
  );
}

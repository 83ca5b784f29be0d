import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Where the checkout is seen inside, read-only, as the shipped units expect it. */
export const CHECKOUT_INSIDE = '/opt/kiln';
/** The Node.js of this test run, inside. */
export const NODE_INSIDE = '/opt/kiln-node';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const BOOT_LIMIT_MS = 30_000;
const STOP_LIMIT_MS = 10_000;

/** Why no systemd can be booted here; null where it can. Under CI=true that is an error. */
export const noSystemd: string | null = reason();

function reason(): string | null {
  const missing = ['/usr/bin/systemd-nspawn', '/usr/lib/systemd/systemd', '/usr/bin/dbus-daemon'].find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return false;
    } catch {
      return true;
    }
  });
  const words =
    process.getuid?.() !== 0
      ? 'booting a systemd needs root'
      : missing
        ? `${missing} is not there; install systemd-container and dbus`
        : null;
  if (words && process.env.CI === 'true') throw new Error(`CI can't check what depends on systemd: ${words}`);
  return words;
}

/** How a command inside ended. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** A booted systemd, with a bus and a journal and nothing else that runs. It shares the network with this machine. */
export interface BootedSystemd {
  /** Folder on this machine that is its file system, but for /usr, /run, /tmp and the checkout. */
  root: string;
  /** Runs a program inside, as root. Never throws for an exit code; `env` replaces the environment but for PATH. */
  run(command: readonly string[], options?: { env?: Record<string, string>; input?: string }): Promise<Ended>;
  /** systemctl inside; throws what it said when it fails. */
  systemctl(...args: string[]): Promise<string>;
  /** Writes unit files and lets systemd read them: name (with suffix) → text. Starts nothing. */
  addUnits(units: Readonly<Record<string, string>>): Promise<void>;
  /** The same for one. */
  addUnit(name: string, text: string): Promise<void>;
  /** Waits until a property of a unit has a value, such as ('x.service', 'SubState', 'failed'). */
  until(unit: string, property: string, value: string | RegExp): Promise<void>;
  /** Ends everything inside and removes the folder. */
  stop(): Promise<void>;
}

/**
 * Boots a systemd in a container. Its programs are those of this machine (/usr, read-only); /etc and /var are new and nearly empty, so
 * that none of this machine's services run in it. Takes about a second.
 */
export async function bootSystemd(): Promise<BootedSystemd> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-systemd-'));
  const root = join(folder, 'root');
  await makeRoot(root);
  const groups = controlGroups(basename(folder));
  // In control groups of its own, and killed with the test, should that be killed itself.
  const enter = 'while [ "$1" != -- ]; do mkdir "$1"; echo $$ >"$1/cgroup.procs"; shift; done; shift; exec "$@"';
  const command = ['setpriv', '--pdeathsig', 'KILL', 'systemd-nspawn', ...nspawnOptions(root)];
  const container = spawn('sh', ['-c', enter, 'sh', ...groups, '--', ...command], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [container.stdout, container.stderr])
    stream.on('data', (data: Buffer) => {
      said = (said + data).slice(-4000);
    });
  const ended = once(container, 'exit');
  try {
    const leader = await booted(container);
    return new Booted(root, leader, async () => await stop(container, ended, folder, groups));
  } catch (error) {
    await stop(container, ended, folder, groups);
    throw new Error(`no systemd was booted; it said: ${said}`, { cause: error });
  }
}

class Booted implements BootedSystemd {
  readonly root: string;
  readonly #leader: number;
  readonly #stop: () => Promise<void>;

  constructor(root: string, leader: number, stop: () => Promise<void>) {
    this.root = root;
    this.#leader = leader;
    this.#stop = stop;
  }

  async run(
    command: readonly string[],
    options: { env?: Record<string, string>; input?: string } = {},
  ): Promise<Ended> {
    return await runInside(this.#leader, command, options);
  }

  async systemctl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(['systemctl', ...args]);
    if (code !== 0) throw new Error(`systemctl ${args.join(' ')} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  async addUnits(units: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(units))
      await writeFile(join(this.root, 'etc/systemd/system', name), text.replace(/^\s+/gm, ''));
    await this.systemctl('daemon-reload');
  }

  async addUnit(name: string, text: string): Promise<void> {
    await this.addUnits({ [name]: text });
  }

  async until(unit: string, property: string, value: string | RegExp): Promise<void> {
    let now = '';
    for (const end = Date.now() + BOOT_LIMIT_MS; Date.now() < end; await sleep(50)) {
      now = (await this.systemctl('show', '--value', '--property', property, unit)).trim();
      if (typeof value === 'string' ? now === value : value.test(now)) return;
    }
    throw new Error(`${property} of ${unit} never became ${value}; it is ${now}`);
  }

  async stop(): Promise<void> {
    await this.#stop();
  }
}

async function makeRoot(root: string): Promise<void> {
  for (const path of ['etc/systemd/system', 'var', 'run', 'usr/lib', 'root', 'tmp', 'proc', 'sys', 'dev', 'opt'])
    await mkdir(join(root, path), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name));
  await copyFile('/usr/lib/os-release', join(root, 'etc/os-release'));
  for (const name of ['ld.so.cache', 'nsswitch.conf'])
    await cp(`/etc/${name}`, join(root, 'etc', name)).catch(() => undefined);
  const files = {
    passwd: 'root:x:0:0::/root:/bin/sh\nmessagebus:x:101:101::/:/bin/false\nnobody:x:65534:65534::/:/bin/false\n',
    group: 'root:x:0:\nmessagebus:x:101:\nsystemd-journal:x:102:\nnogroup:x:65534:\n',
    // An identity of its own keeps systemd from taking this for a first boot and enabling whatever is installed.
    'machine-id': `${'0123456789abcdef'.repeat(2)}\n`,
    hostname: 'kiln-test\n',
    'systemd/system.conf': '[Manager]\nDefaultTimeoutStopSec=2s\n',
    'systemd/system/test.target': '[Unit]\nRequires=basic.target dbus.service\nAfter=basic.target dbus.service\n',
  };
  for (const [name, text] of Object.entries(files)) await writeFile(join(root, 'etc', name), text);
  await symlink('test.target', join(root, 'etc/systemd/system/default.target'));
}

/**
 * Folders of control groups for one container where no systemd runs this machine; where one does, it makes them. Without them two
 * containers would have the same.
 */
function controlGroups(name: string): string[] {
  if (existsSync('/run/systemd/system')) return [];
  const hierarchies = ['/sys/fs/cgroup', '/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'];
  return hierarchies.filter((path) => existsSync(join(path, 'cgroup.procs'))).map((path) => join(path, name));
}

function nspawnOptions(root: string): string[] {
  return [
    ...(existsSync('/run/systemd/system') ? [] : ['--keep-unit']),
    '--quiet',
    '--boot',
    '--register=no',
    '--console=pipe',
    '--resolv-conf=off',
    '--timezone=off',
    '--link-journal=no',
    `--machine=${dirname(root).split('-').at(-1)}`,
    '--hostname=kiln-test',
    `--directory=${root}`,
    '--bind-ro=/usr',
    `--bind-ro=${CHECKOUT}:${CHECKOUT_INSIDE}`,
    `--bind-ro=${process.execPath}:${NODE_INSIDE}`,
  ];
}

/** Process id of its systemd, once that has started all that it starts. */
async function booted(container: ChildProcess): Promise<number> {
  const pid = container.pid ?? 0;
  const end = Date.now() + BOOT_LIMIT_MS;
  while (Date.now() < end && container.exitCode === null) {
    await sleep(50);
    const leader = Number((await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')).trim());
    if (!leader) continue;
    const { stdout } = await runInside(leader, ['systemctl', 'is-system-running', '--wait']);
    if (/^(running|degraded)$/m.test(stdout)) return leader;
  }
  throw new Error(`it ended, or was not up within ${BOOT_LIMIT_MS} ms`);
}

async function runInside(
  leader: number,
  command: readonly string[],
  { env = {}, input }: { env?: Record<string, string>; input?: string } = {},
): Promise<Ended> {
  return await new Promise((resolve) => {
    const child = execFile(
      'nsenter',
      ['--target', String(leader), '--all', '--', ...command],
      { env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', ...env }, maxBuffer: 64 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error ? (typeof error.code === 'number' ? error.code : 255) : 0;
        resolve({ code, stdout, stderr });
      },
    );
    // A program that does not read what it is given closes the pipe.
    child.stdin?.on('error', () => undefined).end(input ?? '');
  });
}

/** An orderly end, and if that takes too long a hard one: with its first process all others inside die. */
async function stop(
  container: ChildProcess,
  ended: Promise<unknown>,
  folder: string,
  groups: readonly string[],
): Promise<void> {
  if (container.exitCode === null && container.signalCode === null) {
    container.kill('SIGTERM');
    const late = setTimeout(() => container.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(late);
  }
  for (const group of groups) await removeGroup(group);
  await rm(folder, { recursive: true, force: true });
}

async function removeGroup(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) if (entry.isDirectory()) await removeGroup(join(path, entry.name));
  await rmdir(path).catch(() => undefined);
}

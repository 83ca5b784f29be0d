import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './until.ts';

/** A server program that a test runs. */
export interface Program {
  process: ChildProcess;
  /** Where it listens: `127.0.0.1:PORT`. */
  address: string;
  url: string;
  /** What it wrote to stdout and stderr so far. */
  said(): string;
  /** SIGTERM, and SIGKILL five seconds later. Resolves when it ended. */
  stop(): Promise<void>;
}

/** The address to tell a program to listen on: the system chooses the port, so that no other program can take it before. */
export const ANY_PORT = '127.0.0.1:0';

/**
 * Starts a server that listens on one port of `ANY_PORT` and waits until `readyPath` answers 200 there. Throws with what it
 * said when it ends before, or isn't ready in time.
 */
export async function startProgram(command: string, args: string[], readyPath: string): Promise<Program> {
  // It ends with the test, also when that is killed.
  const child = spawn('setpriv', ['--pdeathsig', 'TERM', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(-200_000);
    });
  }
  const ended = Promise.race([once(child, 'close'), once(child, 'error')]);
  try {
    const address = await until(
      () => `${command} is ready at ${readyPath}:\n${text}`,
      async () => {
        if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
          throw new Error(`${command} ended before it was ready:\n${text}`);
        const port = await listeningPort(child.pid);
        if (port === null) return null;
        const found = `127.0.0.1:${port}`;
        return (await answers(`http://${found}${readyPath}`)) ? found : null;
      },
    );
    return {
      process: child,
      address,
      url: `http://${address}`,
      said: () => text,
      stop: async () => await stop(child, ended),
    };
  } catch (error) {
    await stop(child, ended);
    throw error;
  }
}

/** The TCP port that a process listens on, null while there is none. */
async function listeningPort(pid: number): Promise<number | null> {
  const folder = `/proc/${pid}/fd`;
  const open = await readdir(folder).catch(() => []);
  const targets = await Promise.all(open.map(async (name) => await readlink(join(folder, name)).catch(() => '')));
  const sockets = new Set(targets.flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? []));
  for (const line of (await readFile('/proc/net/tcp', 'utf8')).split('\n').slice(1)) {
    const [, local = '', , state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state === LISTENS && sockets.has(inode)) return Number.parseInt(local.split(':')[1] ?? '', 16);
  }
  return null;
}

/** The state of a listening socket in /proc/net/tcp. */
const LISTENS = '0A';

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}

async function stop(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.pid === undefined) return;
  child.kill('SIGTERM');
  const patience = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await ended;
  clearTimeout(patience);
}

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Database, openDatabase } from '@kiln/store/database.ts';

/** What of a farm can be killed. `backend` is the process behind one of PostgreSQL's connections. */
export type Victim = 'server' | 'agent' | 'postgres' | 'backend';

/** The pids of a farm's parts, by what their command lines say; PostgreSQL's is its postmaster. Other farms' are not among them. */
export async function pidsOf(data: string, part: Victim): Promise<number[]> {
  if (part === 'backend') return await backends(data);
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const command = await commandOf(name);
    if (!command.some((word) => word.startsWith(data))) continue;
    if (part === 'postgres' ? command[0]?.endsWith('/postgres') : command.includes(part)) found.push(Number(name));
  }
  return found;
}

/** Kills one process of a part. Null when none lives now. */
export async function killOne(data: string, part: Victim, choose = (_count: number) => 0): Promise<number | null> {
  const pids = await pidsOf(data, part);
  const pid = pids[choose(pids.length)];
  if (pid === undefined) return null;
  try {
    process.kill(pid, 'SIGKILL');
    return pid;
  } catch {
    return null;
  }
}

/** A connection to the farm's own PostgreSQL as it runs now. */
export async function farmDatabase(data: string): Promise<Database> {
  const password = (await readFile(join(data, 'postgres', 'password'), 'utf8')).trim();
  const lines = (await readFile(join(data, 'postgres', 'cluster', 'postmaster.pid'), 'utf8')).split('\n');
  const port = Number(lines[3]);
  return openDatabase(
    { host: '127.0.0.1', port, user: 'kiln', password, database: 'kiln' },
    { name: 'test', connections: 2 },
  );
}

async function backends(data: string): Promise<number[]> {
  const found: number[] = [];
  for (const postmaster of await pidsOf(data, 'postgres')) {
    const children = await readFile(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').catch(() => '');
    for (const pid of children.split(' ').filter(Boolean)) {
      if ((await commandOf(pid))[0]?.startsWith('postgres: kiln ')) found.push(Number(pid));
    }
  }
  return found;
}

async function commandOf(pid: string): Promise<string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
}

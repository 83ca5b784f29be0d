import { randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Raised when another process holds the data directory. `pid` is that process. */
export class DataDirectoryBusyError extends Error {
  override name = 'DataDirectoryBusyError';
  readonly pid: number;

  constructor(folder: string, pid: number) {
    super(`Kiln already runs on ${folder} (pid ${pid}); stop it, or start this one with --data ANOTHER`);
    this.pid = pid;
  }
}

/** Who a claim belongs to. `started` tells a process from a later one with the same pid; null where the system can't say. */
export interface ProcessIdentity {
  pid: number;
  started: string | null;
}

/** Makes the data directory, closed to others, and takes it for this process. Throws DataDirectoryBusyError. */
export async function takeDataDirectory(folder: string): Promise<{ release(): Promise<void> }> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  const run = join(folder, 'run');
  await mkdir(run, { recursive: true, mode: 0o700 });
  const me = (await identify(process.pid)) ?? { pid: process.pid, started: null };
  const draft = join(run, `claim.${randomBytes(6).toString('hex')}`);
  await writeFile(draft, JSON.stringify(me), { mode: 0o600 });
  try {
    await claim(folder, run, draft);
  } finally {
    await rm(draft, { force: true });
  }
  const pidFile = join(run, 'kiln.pid');
  await writeFile(`${pidFile}.new`, `${me.pid}\n`, { mode: 0o600 });
  await rename(`${pidFile}.new`, pidFile);
  // The claim itself stays: it ends with the process, and the next one counts on from it.
  return { release: async () => await rm(pidFile, { force: true }) };
}

/**
 * Claims are files `lock.1`, `lock.2` … that appear whole (by link) and only once each; the highest one holds the
 * folder while its process lives. Taking over a dead process's claim is making the next number, which just one of many
 * can do, and a late one that made a lower number sees the higher one and withdraws. So there is never a moment in
 * which a claim is removed before its successor stands.
 */
async function claim(folder: string, run: string, draft: string): Promise<void> {
  for (;;) {
    const highest = Math.max(0, ...(await claims(run)));
    const holder = highest > 0 ? await readIdentity(join(run, `lock.${highest}`)) : null;
    if (holder && (await isRunning(holder))) throw new DataDirectoryBusyError(folder, holder.pid);
    const mine = highest + 1;
    try {
      await link(draft, join(run, `lock.${mine}`));
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') continue;
      throw error;
    }
    const others = await claims(run);
    if (Math.max(...others) > mine) {
      await rm(join(run, `lock.${mine}`), { force: true });
      continue;
    }
    for (const other of others) if (other < mine) await rm(join(run, `lock.${other}`), { force: true });
    return;
  }
}

async function claims(run: string): Promise<number[]> {
  const names = await readdir(run);
  return names.flatMap((name) => {
    const match = /^lock\.(\d+)$/.exec(name);
    return match ? [Number(match[1])] : [];
  });
}

/** The identity in a claim file, or null when it is gone or not one. */
async function readIdentity(file: string): Promise<ProcessIdentity | null> {
  const text = await readFile(file, 'utf8').catch(() => '');
  try {
    const { pid, started } = JSON.parse(text);
    return Number.isInteger(pid) && pid > 0 ? { pid, started: typeof started === 'string' ? started : null } : null;
  } catch {
    return null;
  }
}

/** Identity of a living process; null when there is none with this pid, or only the remains of one. */
export async function identify(pid: number): Promise<ProcessIdentity | null> {
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => null);
  if (boot === null) return isSignallable(pid) ? { pid, started: null } : null;
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null);
  if (stat === null) return null;
  // The name, in parentheses, may hold anything; after it come the state (field 3) and, at field 22, the start time.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  return { pid, started: `${boot.trim()}/${fields[19]}` };
}

/** Whether this very process still runs. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  const now = await identify(identity.pid);
  return now !== null && (identity.started === null || now.started === identity.started);
}

function isSignallable(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

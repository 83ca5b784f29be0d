import { setTimeout as sleep } from 'node:timers/promises';
import { findMarked, isGroupAlive, type Since } from './scan.ts';

const LOOK_MS = 10;
/** Every so many looks the processes themselves are looked at, which takes longer. */
const CLOSE_LOOK = 8;
/** A process may start another one while it is being killed: after this many rounds there is no end to expect. */
const ROUNDS = 20;

/** Sends a signal to every process of a group. False when there is none. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  return send(-group, signal);
}

/** Ends a process group: SIGTERM, up to `graceMs` for what is left to do, SIGKILL. */
export async function killGroup(group: number, graceMs: number): Promise<void> {
  if (!signalGroup(group, 'SIGTERM')) return;
  const end = Date.now() + graceMs;
  for (let look = 1; Date.now() < end; look++) {
    await sleep(LOOK_MS);
    if (!signalGroup(group, 0)) return;
    if (look % CLOSE_LOOK === 0 && !isGroupAlive(group)) return;
  }
  signalGroup(group, 'SIGKILL');
}

/** Kills every process that has `mark` in its environment, also one that left its group. Returns how many there were. */
export async function killMarked(mark: string, since?: Since): Promise<number> {
  const killed = new Set<number>();
  for (let round = 0; round < ROUNDS; round++) {
    const found = findMarked(mark, since).filter((pid) => send(pid, 'SIGKILL'));
    for (const pid of found) killed.add(pid);
    if (found.length === 0) break;
    await sleep(LOOK_MS);
  }
  return killed.size;
}

/** False when the process is gone, or is somebody else's. */
function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

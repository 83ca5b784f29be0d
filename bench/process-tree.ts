import { readFile } from 'node:fs/promises';

/** Clock ticks a second in /proc; 100 on every Linux that Node.js runs on. */
const TICKS = 100;

/** A process and the processor time that it, and its children that ended, have used so far, in milliseconds. */
export interface Usage {
  name: string;
  cpuMs: number;
}

/** Every process below `root`, with itself, by pid. */
export async function usageBelow(root: number): Promise<Map<number, Usage>> {
  const pids = [root];
  const found = new Map<number, Usage>();
  for (const pid of pids) {
    const usage = await usageOf(pid);
    if (!usage) continue;
    found.set(pid, usage);
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
    pids.push(...children.split(' ').filter(Boolean).map(Number));
  }
  return found;
}

/** What was used from one look to the next, the busiest first. */
export function difference(before: ReadonlyMap<number, Usage>, after: ReadonlyMap<number, Usage>): Usage[] {
  return [...after]
    .map(([pid, { name, cpuMs }]) => ({ name: `${name} (${pid})`, cpuMs: cpuMs - (before.get(pid)?.cpuMs ?? 0) }))
    .sort((a, b) => b.cpuMs - a.cpuMs);
}

async function usageOf(pid: number): Promise<Usage | null> {
  const [stat, command] = await Promise.all(
    ['stat', 'cmdline'].map(async (file) => await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => null)),
  );
  if (!stat || command === null) return null;
  // The name in parentheses may hold spaces; fields 14 to 17 of the line are the times, own and of children that ended.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
  return { name: nameOf(command ?? ''), cpuMs: (ticks * 1000) / TICKS };
}

function nameOf(commandLine: string): string {
  const words = commandLine.split('\0').filter(Boolean);
  const script = words.findIndex((word) => /\.(mjs|ts)$/.test(word));
  if (script >= 0) return `${words[script]?.split('/').at(-1)} ${words[script + 1] ?? ''}`.trim();
  return words.join(' ').slice(0, 60) || 'ended';
}

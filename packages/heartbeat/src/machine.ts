import { fs } from './builtin.ts';

/** The two clocks of a machine at one moment. */
export interface Clock {
  /** Seconds since 1970. */
  wall: number;
  /** Seconds of CLOCK_MONOTONIC, which systemd counts by: it stands still while the machine is suspended. */
  monotonic: number;
}

/** Reads both clocks. */
export function readClock(): Clock {
  return { wall: Date.now() / 1000, monotonic: Number(process.hrtime.bigint()) / 1e9 };
}

/** When and which boot this is. */
export interface Boot {
  /** The same as long as the same systemd runs: its counters start at 0 with a new one. */
  id: string;
  /** Seconds since 1970. */
  at: number;
}

/** Clock ticks per second in /proc, on every architecture that Linux runs on today. */
const TICKS = 100;

/** The boot of the machine, or of the container where systemd runs in one: both begin with process 1. */
export function readBoot(): Boot {
  const id = read('/proc/sys/kernel/random/boot_id').trim();
  const kernel = Number(/^btime (\d+)$/m.exec(read('/proc/stat'))?.[1] ?? 0);
  // The name in parentheses may hold spaces; the 22nd field is the start in ticks after the kernel's.
  const fields = read('/proc/1/stat').split(') ').at(-1)?.split(' ') ?? [];
  const ticks = Number(fields[19] ?? 0) || 0;
  return { id: `${id}/${ticks}`, at: kernel + Math.floor(ticks / TICKS) };
}

function read(path: string): string {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    // Hidden by hardening or not Linux: the answer is less exact, and the same each time.
    return '';
  }
}

import { fs, path } from './builtin.ts';
import type { MetricName } from './metrics-table.ts';
import { HeartbeatError } from './systemctl.ts';

const VERSION = 1;

/** What is kept of a unit from one tick to the next. */
export interface UnitMemory {
  /** Totals that never go back. */
  restarts: number;
  starts: number;
  /** systemd's own numbers at the last tick. */
  nRestarts: number;
  invocation: string;
  /** Seconds since 1970, null while no failure was seen. */
  lastFailure: number | null;
  /** Whether the last run that was seen to end went well; null when none was. */
  succeeded: boolean | null;
  /** The timers of a service, or the service of a timer, which are asked about with it. */
  companions: string[];
  /** Whether it is on no list, and is here because it failed. */
  isOutsider: boolean;
  /** Until when a unit that is no longer of interest is still reported, seconds since 1970. */
  until: number | null;
  timer: TimerMemory | null;
}

/** What systemd forgets about a timer that it unloads, seconds. */
export interface TimerMemory {
  lastTrigger: number | null;
  nextElapse: number | null;
  interval: number | null;
}

/** What one tick leaves to the next. */
export interface Memory {
  version: typeof VERSION;
  boot: string;
  host: string;
  /** Since when the totals count, milliseconds since 1970. */
  since: number;
  units: Record<string, UnitMemory>;
  /** Series that a receiver may have: metric → the unit and, after a space, the other label's value. */
  sent: Partial<Record<MetricName, string[]>>;
}

/** A memory of nothing; totals count from `since` on, milliseconds since 1970. */
export function emptyMemory(host: string, boot: string, since: number): Memory {
  return { version: VERSION, boot, host, since, units: {}, sent: {} };
}

/**
 * Reads the file. Returns null where there is none.
 *
 * @throws {HeartbeatError} for one that can't be read or understood; the heartbeat can go on without
 */
export function loadMemory(file: string): Memory | null {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw new HeartbeatError(`${file} could not be read (${codeOf(error)}); counters begin anew`);
  }
  try {
    const memory = JSON.parse(text);
    if (memory.version === VERSION && memory.units && memory.sent) return memory;
  } catch {
    // Said below, with the remedy.
  }
  throw new HeartbeatError(`${file} holds no memory of a heartbeat; counters begin anew`);
}

/**
 * Replaces the file at once, so that a reader sees the old or the new one. It stays with the owner of its folder: run by hand as root,
 * the heartbeat must not lock out the service that runs as another user.
 *
 * @throws {HeartbeatError} when that was not possible
 */
export function saveMemory(file: string, memory: Memory): void {
  const draft = `${file}.${process.pid}`;
  try {
    fs.writeFileSync(draft, JSON.stringify(memory), { mode: 0o600 });
    const { uid, gid } = fs.statSync(path.dirname(file));
    if (process.getuid?.() === 0 && uid !== 0) fs.chownSync(draft, uid, gid);
    fs.renameSync(draft, file);
  } catch (error) {
    throw new HeartbeatError(
      `${file} could not be written (${codeOf(error)}); without it counters start again with every restart of a unit by hand`,
    );
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}

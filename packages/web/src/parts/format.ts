import { formatDuration } from '@kiln/protocol/duration.ts';

/** How the dashboard writes times, sizes and counts. */

const exact = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' });
const clock = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hour12: false,
});
const count = new Intl.NumberFormat('en');

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** A moment with date, time and zone, as the viewer's place writes it. */
export function exactTime(at: number | string): string {
  return exact.format(new Date(at));
}

/** Hours, minutes and seconds of a moment in the viewer's zone: `14:03:22`. */
export function clockTime(at: number | string): string {
  return clock.format(new Date(at));
}

/** A whole number with separators: `1,234,567`. */
export function formatCount(value: number): string {
  return count.format(value);
}

/** `1 run`, `2 runs`. */
export function plural(value: number, one: string, many = `${one}s`): string {
  return `${formatCount(value)} ${value === 1 ? one : many}`;
}

/** A size in powers of 1024: `812 B`, `4.2 KiB`, `37 MiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** How far a moment is from now, both in milliseconds: `just now`, `12s ago`, `in 4m`, `3h ago`, `2d ago`. */
export function relativeTime(at: number, now: number): string {
  const seconds = Math.round(Math.abs(now - at) / 1000);
  if (seconds < 5) return at > now + 1000 ? 'in a moment' : 'just now';
  const amount =
    seconds < 60
      ? `${seconds}s`
      : seconds < 3600
        ? `${Math.floor(seconds / 60)}m`
        : seconds < 86_400
          ? `${Math.floor(seconds / 3600)}h`
          : `${Math.floor(seconds / 86_400)}d`;
  return at > now ? `in ${amount}` : `${amount} ago`;
}

/** A whole length of time in prose: `5m`, `1h`, `1m 30s`. */
export function formatWait(ms: number): string {
  return formatDuration(ms).replace(/(?<=\S) 00[smh]$/, '');
}

/** A sentence of the farm as the beginning of a line: with a capital letter. */
export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** The first part of an id, enough to tell it from its neighbours. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** A git commit as git shortens it. */
export function shortCommit(commit: string): string {
  return commit.slice(0, 10);
}

/** A full ref without its `refs/tags/` or `refs/heads/`. */
export function shortRef(ref: string): string {
  return ref.replace(/^refs\/(tags|heads)\//, '');
}

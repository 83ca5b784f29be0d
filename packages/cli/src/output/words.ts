import { styleText } from 'node:util';
import { formatDuration } from '@kiln/protocol/duration.ts';

type Style = Parameters<typeof styleText>[0];

/** Text in a style, where stdout is a terminal that shows it. */
export function paint(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

const STATUS_STYLES: Record<string, Style> = {
  queued: 'blue',
  started: 'yellow',
  building: 'yellow',
  publishing: 'yellow',
  cancelling: 'gray',
  completed: 'green',
  failed: 'red',
  cancelled: 'gray',
};
const STATUS_SIGNS: Record<string, string> = {
  queued: '·',
  started: '▶',
  building: '▶',
  publishing: '▶',
  cancelling: '■',
  completed: '✓',
  failed: '✗',
  cancelled: '■',
};

/** A status with its sign, coloured on a terminal. */
export function statusWord(status: string): string {
  return paint(STATUS_STYLES[status] ?? 'reset', `${STATUS_SIGNS[status] ?? '?'} ${status}`);
}

/** `12s ago`, `in 4m 10s`, `now`; empty for null. */
export function relativeTime(time: string | null, now = Date.now()): string {
  if (time === null) return '';
  const distance = Date.parse(time) - now;
  if (Math.abs(distance) < 1000) return 'now';
  const length = formatDuration(Math.floor(Math.abs(distance) / 1000) * 1000);
  return distance < 0 ? `${length} ago` : `in ${length}`;
}

/** How long something took, or takes until now; empty when it has not begun. */
export function elapsed(from: string | null, to: string | null, now = Date.now()): string {
  if (from === null) return '';
  return formatDuration(Math.max(0, (to === null ? now : Date.parse(to)) - Date.parse(from)));
}

/** The first 8 characters of an id: enough to name it to any command. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** `980 B`, `12.3 KiB`, `4.0 MiB`. */
export function byteSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** `1 run`, `2 runs`. */
export function count(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`;
}

/** Text for one line of a terminal, without the control characters that a build may have printed. */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim();
}

/** Writes to stdout; JSON for programs ends with a newline. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

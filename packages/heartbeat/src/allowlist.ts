import { parseTimespan } from './timespan.ts';

/** A unit, or a pattern of units, that the heartbeat always reports. */
export interface Entry {
  /** Full name such as `nginx.service`, or a pattern such as `game-*.service`. */
  name: string;
  isPattern: boolean;
  /** How often a timer is meant to fire, seconds; null: as its settings say. */
  interval: number | null;
}

/** What is watched, and the lines of the file that could not be understood, each with its place and the remedy. */
export interface Allowlist {
  entries: Entry[];
  problems: string[];
}

/** Without a configuration file: Kiln's own units, and the timer that starts the heartbeat. */
export const DEFAULT_ALLOWLIST = ['kiln*.service', 'kiln*.timer', 'systemd-heartbeat.timer'];

const SUFFIX = /\.(service|timer|socket|target|path|mount|automount|swap|device|slice|scope)$/;
const CHARACTERS = /^[A-Za-z0-9:_.\\@*?[\]-]+$/;
const NAME_LIMIT = 255;

/** Reads a configuration file: a unit or pattern on each line, `interval=` after it if need be, `#` before remarks. */
export function parseAllowlist(text: string, file: string): Allowlist {
  const entries = new Map<string, Entry>();
  const problems: string[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [word, ...options] = line
      .replace(/(^|\s)[#;].*$/, '')
      .split(/\s+/)
      .filter(Boolean);
    if (word === undefined) continue;
    const entry = parseEntry(word, options);
    if (typeof entry === 'string') problems.push(`${file}:${index + 1}: ${entry}`);
    else entries.set(entry.name, entry);
  }
  return { entries: [...entries.values()], problems };
}

/** The list when no file says otherwise. */
export function defaultAllowlist(): Allowlist {
  return parseAllowlist(DEFAULT_ALLOWLIST.join('\n'), 'default');
}

/** The entry that one line describes, or what is wrong with it. */
function parseEntry(word: string, options: readonly string[]): Entry | string {
  const name = SUFFIX.test(word) || /\*$/.test(word) ? word : `${word}.service`;
  if (!CHARACTERS.test(name) || name.length > NAME_LIMIT)
    return `"${word}" is no name of a unit; a line is a name such as nginx.service or a pattern such as game-*.service`;
  if (/@\.[a-z]+$/.test(name))
    return `${name} is a template; name an instance (${name.replace('@', '@1')}) or all of them (${name.replace('@', '@*')})`;
  let interval: number | null = null;
  for (const option of options) {
    const [key, value = ''] = option.split(/=(.*)/s);
    interval = parseTimespan(/^\d+$/.test(value) ? `${value}s` : value);
    if (key !== 'interval' || !interval)
      return `"${option}" after ${word} is not understood; only interval=<time>, such as interval=90s or interval=1h30min, can stand there`;
  }
  return { name, isPattern: /[*?[]/.test(name), interval };
}

/** Tells whether a unit's name fits a pattern, as systemctl compares them. */
export function fits(name: string, pattern: string): boolean {
  const classes = pattern.split(/(\[[^\]]+\])/);
  const source = classes.map((part, index) =>
    index % 2 === 1
      ? part.replace(/^\[!/, '[^').replaceAll('\\', '\\\\')
      : part
          .replace(/[.+^${}()|[\]\\]/g, '\\$&')
          .replaceAll('*', '.*')
          .replaceAll('?', '.'),
  );
  try {
    return new RegExp(`^${source.join('')}$`, 's').test(name);
  } catch {
    // A class such as [z-a]: it fits nothing.
    return false;
  }
}

import type { PostedEntry as Entry, PostedLogs } from '@kiln/protocol/vm-build.ts';
import { MOST_ENTRIES, PostedEntry } from '@kiln/protocol/vm-build.ts';
import { HttpError } from '@kiln/service/http.ts';
import { PatternMask } from '@kiln/service/mask-patterns.ts';
import type { MaskedEntry } from '@kiln/store/builders/posted-lines.ts';
import { Compile } from 'typebox/compile';

const entrySchema = Compile(PostedEntry);
/** End of the year 9999 in milliseconds since the epoch: what a frame's header can say. */
const LAST_TIME = 253_402_300_799_999;

/**
 * The entries of a batch, checked, as lines without secrets: neither what looks like one nor the builder's own token. Throws
 * 413 when there are too many and 422 that names the first one that is wrong.
 */
export function readBatch({ entries }: PostedLogs, token: string): MaskedEntry[] {
  if (entries.length > MOST_ENTRIES) {
    throw new HttpError(
      'batch_too_large',
      `a batch has at most ${MOST_ENTRIES} entries, this one ${entries.length}; send it in parts`,
    );
  }
  const mask = new PatternMask();
  const hide = (text: string) => mask.mask(text.replaceAll(token, '***'));
  return entries.map((entry, index) => {
    if (!isEntry(entry)) throw refusal(entry, index);
    const time = Date.parse(entry.timestamp);
    if (!(time >= 0 && time <= LAST_TIME)) {
      throw invalid(index, 'timestamp', `"${entry.timestamp}" is not a time from 1970 to 9999`);
    }
    return {
      time,
      level: entry.level,
      component: hide(entry.component.toWellFormed()).slice(0, 64),
      context: hide((entry.context ?? '').toWellFormed()).slice(0, 256),
      lines: linesOf(entry.message).map(hide),
    };
  });
}

function isEntry(entry: unknown): entry is Entry {
  return entrySchema.Check(entry);
}

/** The lines of a message; a last newline ends a line and does not begin another. */
function linesOf(message: string): string[] {
  return message
    .toWellFormed()
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
}

function refusal(entry: unknown, index: number): HttpError {
  const [first] = entrySchema.Errors(entry);
  const key = first?.instancePath.slice(1) ?? '';
  const value: unknown = key !== '' && typeof entry === 'object' && entry !== null ? Reflect.get(entry, key) : entry;
  if (key === 'level') return invalid(index, key, `${show(value)} is not one of DEBUG, INFO, WARN, ERROR, FATAL`);
  if (key === 'timestamp') return invalid(index, key, `${show(value)} is not a time such as 2024-01-15T10:31:00Z`);
  return invalid(index, key, `${first?.message ?? 'is wrong'}, but it is ${show(value)}`);
}

function invalid(index: number, key: string, message: string): HttpError {
  return new HttpError('invalid_entry', `entries/${index}${key === '' ? '' : `/${key}`}: ${message}`, {
    entry: index,
  });
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 100);
}

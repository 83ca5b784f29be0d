import { UUID_PATTERN } from '@kiln/protocol/routes/params.ts';
import { HttpError } from '@kiln/service/http.ts';

const UUID = new RegExp(UUID_PATTERN);

/** Whether a text is a UUID. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/**
 * Refuses text that PostgreSQL can't keep (a NUL, half a character) wherever it stands in what a client sent. Throws a
 * 400 that says where.
 */
export function refuseBadText(value: unknown, where: string, depth = 0): void {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed()) {
      throw new HttpError('invalid_text', `${where} has a NUL or half a character in it`);
    }
    return;
  }
  if (typeof value !== 'object' || value === null || depth > 20) return;
  for (const [key, item] of Object.entries(value)) refuseBadText(item, `${where}/${key.slice(0, 60)}`, depth + 1);
}

/** What to say of an id that nothing has. */
export function notFound(what: string, id: string): HttpError {
  return new HttpError('not_found', `there is no ${what} ${id.slice(0, 100)}`);
}

import { HttpError } from '@kiln/service/http.ts';
import Type from 'typebox';

const UUID = '^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$';

/** A UUID in an address. */
export const Uuid = Type.String({ pattern: UUID });

/** Whether a text is a UUID. */
export function isUuid(text: string): boolean {
  return new RegExp(UUID).test(text);
}

export const IdParams = Type.Object({ id: Uuid });
export const NameParams = Type.Object({ name: Type.String({ minLength: 1, maxLength: 200 }) });

/** Bound of PostgreSQL's integer: a larger attempt or count can't exist. */
export const MAX_INTEGER = 2_147_483_647;
export const Attempt = Type.Integer({ minimum: 1, maximum: MAX_INTEGER });

/**
 * Refuses text that PostgreSQL can't keep (a NUL, half a character) wherever it stands in what a client sent. Throws a
 * 400 that says where.
 */
export function refuseBadText(value: unknown, where: string, depth = 0): void {
  if (typeof value === 'string') {
    if (value.includes('\0') || !value.isWellFormed()) {
      throw new HttpError(400, 'invalid_text', `${where} has a NUL or half a character in it`);
    }
    return;
  }
  if (typeof value !== 'object' || value === null || depth > 20) return;
  for (const [key, item] of Object.entries(value)) refuseBadText(item, `${where}/${key.slice(0, 60)}`, depth + 1);
}

/** What to say of an id that nothing has. */
export function notFound(what: string, id: string): HttpError {
  return new HttpError(404, 'not_found', `there is no ${what} ${id.slice(0, 100)}`);
}

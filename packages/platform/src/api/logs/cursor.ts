import { HttpError } from '@kiln/service/http.ts';

const CURSOR = /^line:([1-9]\d{0,15})$/;

/** The cursor of a page that goes on with this line. */
export function cursorOf(line: number): string {
  return Buffer.from(`line:${line}`).toString('base64url');
}

/** The line that a cursor goes on with. Throws 400 `bad_cursor`. */
export function lineOfCursor(cursor: string): number {
  const [, line] = CURSOR.exec(Buffer.from(cursor, 'base64url').toString('latin1')) ?? [];
  if (line === undefined || !Number.isSafeInteger(Number(line))) {
    throw new HttpError('bad_cursor', 'the cursor is not one that a page of a log gave as `next`');
  }
  return Number(line);
}

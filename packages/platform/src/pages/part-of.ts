import type { IncomingHttpHeaders } from 'node:http';
import type { BlobRange } from '@kiln/store/blobs/blob-store.ts';

/** A file as caches know it. */
export interface Version {
  bytes: number;
  modifiedAt: Date;
  etag: string | null;
}

/** How a request for a file is answered. `range`: the bytes that are sent, null for none. */
export interface Part {
  status: 200 | 206 | 304 | 416;
  range: BlobRange | null;
  contentRange: string | null;
}

/**
 * What of a file a request asks for (RFC 9110, 13 and 14): nothing when the client has this version, a range where it asks for
 * one that begins within the file, everything otherwise. Of several ranges at once everything is sent, as a server may.
 */
export function partOf(headers: IncomingHttpHeaders, file: Version): Part {
  if (isKnown(headers, file)) return { status: 304, range: null, contentRange: null };
  const whole: Part = { status: 200, range: { offset: 0, length: file.bytes }, contentRange: null };
  const asked = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '');
  const [, from = '', to = ''] = asked ?? [];
  if (!asked || from + to === '' || !isSame(headers['if-range'], file)) return whole;
  const offset = from === '' ? Math.max(0, file.bytes - Number(to)) : Number(from);
  const end = from === '' || to === '' ? file.bytes : Math.min(file.bytes, Number(to) + 1);
  if (from !== '' && to !== '' && Number(to) < Number(from)) return whole;
  if (offset >= end) return { status: 416, range: null, contentRange: `bytes */${file.bytes}` };
  const contentRange = `bytes ${offset}-${end - 1}/${file.bytes}`;
  return { status: 206, range: { offset, length: end - offset }, contentRange };
}

function isKnown(headers: IncomingHttpHeaders, { etag, modifiedAt }: Version): boolean {
  const tags = headers['if-none-match'];
  if (tags !== undefined) {
    const strong = tags.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
    return strong.includes('*') || (etag !== null && strong.includes(etag.replace(/^W\//, '')));
  }
  const since = Date.parse(headers['if-modified-since'] ?? '');
  return Math.floor(modifiedAt.getTime() / 1000) <= since / 1000;
}

/** Whether a range may be put to what the client has of the file. */
function isSame(ifRange: string | string[] | undefined, { etag, modifiedAt }: Version): boolean {
  return ifRange === undefined || ifRange === etag || ifRange === modifiedAt.toUTCString();
}

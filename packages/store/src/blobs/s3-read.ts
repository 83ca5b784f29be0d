import { type S3Client, tooLate } from './s3-client.ts';
import { S3Error, unreachable } from './s3-error.ts';

/**
 * The bytes of an object from `start` up to `end`, in one request, with the tag of what they are from. `tag`: only from this
 * version of the object. Throws S3Error in the middle when the answer is cut, or when nothing comes within the limit.
 */
export async function* readBody(
  client: S3Client,
  key: string,
  start: number,
  end: number,
  tag: string | null,
): AsyncGenerator<{ chunk: Uint8Array; etag: string | null }> {
  if (start >= end) return;
  const ranged = start > 0 || end !== Number.POSITIVE_INFINITY;
  const stop = new AbortController();
  const response = await client
    .open({
      method: 'GET',
      key,
      signal: stop.signal,
      headers: {
        ...(ranged ? { range: `bytes=${start}-${end === Number.POSITIVE_INFINITY ? '' : end - 1}` } : {}),
        ...(tag ? { 'if-match': tag } : {}),
      },
    })
    .catch((error: unknown) => {
      // It ends before the range begins.
      if (error instanceof S3Error && error.status === 416) return null;
      throw error;
    });
  if (!response?.body) return;
  if (ranged && response.status !== 206) {
    stop.abort();
    throw new S3Error(`${client.describe()} sent all of ${key} instead of a range; check that it is an S3 service`, {
      status: response.status,
      code: null,
    });
  }
  const etag = response.headers.get('etag');
  if (tag && etag !== tag) {
    stop.abort();
    throw replaced(client, key);
  }
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await nextPiece(reader, stop, client.timing.limitMs);
      if (done) return;
      yield { chunk: value, etag };
    }
  } catch (cause) {
    throw cause instanceof S3Error ? cause : unreachable(`${client.describe()} did not send all of ${key}`, cause);
  } finally {
    stop.abort();
  }
}

/** Only the time that is waited for the service counts, not what the reader of the pieces takes. */
async function nextPiece<T>(reader: { read(): Promise<T> }, stop: AbortController, limitMs: number): Promise<T> {
  const timer = setTimeout(() => stop.abort(tooLate(limitMs)), limitMs);
  try {
    return await reader.read();
  } finally {
    clearTimeout(timer);
  }
}

function replaced(client: S3Client, key: string): S3Error {
  return new S3Error(`${key} in ${client.describe()} was replaced while it was read`, { status: 412, code: null });
}

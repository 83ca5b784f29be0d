import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { HttpError } from '@kiln/service/http.ts';

/**
 * Writes the body of a request to a new file, to the disk, holding no more of it in memory than one chunk. Throws an
 * HttpError when the body ends early, or when nothing comes for `silenceMs`; the caller removes the file.
 */
export async function receiveFile(
  request: IncomingMessage,
  path: string,
  silenceMs: number,
): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  const handle = await open(path, 'wx', 0o600);
  const silence = setTimeout(() => request.destroy(new Error(`nothing came for ${silenceMs} ms`)), silenceMs);
  let bytes = 0;
  try {
    for await (const chunk of bodyOf(request)) {
      silence.refresh();
      hash.update(chunk);
      bytes += chunk.length;
      await handle.writeFile(chunk);
    }
    await handle.sync();
  } finally {
    clearTimeout(silence);
    await handle.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

async function* bodyOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request) yield chunk;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HttpError(400, 'incomplete_body', `the body ended early: ${why}`);
  }
  if (!request.complete) throw new HttpError(400, 'incomplete_body', 'the body ended early');
}

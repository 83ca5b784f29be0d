import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { HttpError } from '@kiln/service/http.ts';

/** What a body must be, and how long its sender may be silent, in milliseconds. */
export interface Expected {
  path: string;
  /** Lower-case hex. */
  sha256: string;
  silenceMs: number;
}

/**
 * The body of a request, chunk by chunk. Throws an HttpError at its end when it was cut or its bytes have another digest, so
 * that whoever keeps it keeps it checked or not at all; and when nothing comes for `silenceMs` while more is wanted.
 */
export async function* checkedBody(request: IncomingMessage, expected: Expected): AsyncGenerator<Buffer> {
  const { path, silenceMs } = expected;
  const hash = createHash('sha256');
  const giveUp = () => request.destroy(new Error(`nothing came for ${silenceMs} ms`));
  let silence = setTimeout(giveUp, silenceMs);
  try {
    for await (const chunk of bodyOf(request)) {
      clearTimeout(silence);
      hash.update(chunk);
      yield chunk;
      silence = setTimeout(giveUp, silenceMs);
    }
  } finally {
    clearTimeout(silence);
  }
  const sha256 = hash.digest('hex');
  if (sha256 === expected.sha256) return;
  throw new HttpError('digest_mismatch', `the body of ${path} has SHA-256 ${sha256}, not ${expected.sha256}`);
}

async function* bodyOf(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request) yield chunk;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HttpError('incomplete_body', `the body ended early: ${why}`);
  }
  if (!request.complete) throw new HttpError('incomplete_body', 'the body ended early');
}

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { BlobStore } from '../blobs/blob-store.ts';
import { free } from './free.ts';
import { inflateText, readFrame } from './read-frame.ts';
import type { SealedLog } from './seal-log.ts';
import type { SealedIndex } from './sealed-index.ts';
import { SealedLogs } from './sealed-log.ts';

/**
 * Reads a sealed log back as a reader would: its size, its index, every frame and the checksum of the text. Throws an
 * Error that says what is wrong.
 */
export async function verifySealed(
  blobs: BlobStore,
  sealed: SealedLog,
  expected: SealedIndex,
  signal: AbortSignal,
): Promise<void> {
  const wrong = (what: string) => new Error(`the sealed log ${sealed.key} is not as it was written: ${what}`);
  const found = await blobs.stat(sealed.key);
  if (found?.bytes !== sealed.bytes) throw wrong(`it has ${found?.bytes ?? 'no'} bytes, not ${sealed.bytes}`);
  const reader = new SealedLogs(blobs);
  if (!isDeepStrictEqual(await reader.index(sealed), expected)) throw wrong('its index is another one');
  const hash = createHash('sha256');
  let frames = 0;
  let lines = 0;
  for await (const frame of reader.frames(sealed, 1, sealed.lines)) {
    signal.throwIfAborted();
    const { header, compressed } = readFrame(frame.data);
    if (header.firstLine !== lines + 1) throw wrong(`frame ${frame.sequence} begins with line ${header.firstLine}`);
    const text = await inflateText(compressed, header.bytes);
    hash.update(text);
    free(text);
    lines += header.lines;
    frames += 1;
  }
  if (lines !== sealed.lines || frames !== sealed.frames)
    throw wrong(`${lines} of its ${sealed.lines} lines are there`);
  if (hash.digest('hex') !== sealed.sha256) throw wrong('its text has another checksum');
}

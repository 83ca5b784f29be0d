import type { Chunk, Chunks } from './chunks.ts';
import type { Range } from './rows.ts';

/** Decoded text kept, and frames kept compressed. */
const DECODED_BYTES = 32 * 1024 * 1024;
const COMPRESSED_BYTES = 32 * 1024 * 1024;

/**
 * Lets go of what was looked at longest ago until both limits hold: decoded text first falls back to its compressed frame,
 * where there is one; what is gone is fetched again when it is looked at. `wanted` and `tail` stay.
 */
export function evict(chunks: Chunks, wanted: readonly Range[], tail: Chunk | null): void {
  const idle = (chunk: Chunk) =>
    chunk !== tail && !wanted.some(({ first, last }) => chunk.first <= last && chunk.first + chunk.count > first);
  let decoded = 0;
  let compressed = 0;
  for (const chunk of chunks.list) {
    if (chunk.rows) decoded += chunk.bytes;
    compressed += chunk.frame?.compressed.length ?? 0;
  }
  while (decoded > DECODED_BYTES) {
    const chunk = chunks.oldest((each) => each.rows !== null && idle(each));
    if (!chunk) break;
    decoded -= chunk.bytes;
    chunk.rows = null;
    if (!chunk.frame) chunks.remove(chunk);
  }
  while (compressed > COMPRESSED_BYTES) {
    const chunk = chunks.oldest((each) => each.frame !== null && idle(each));
    if (!chunk) break;
    compressed -= chunk.frame?.compressed.length ?? 0;
    chunks.remove(chunk);
  }
}

import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { LogOutline } from './outline.ts';

/**
 * The index at the end of a sealed log is one more zstd skippable frame, so that `zstd -d` passes over it:
 *
 *     magic 0x184D2A5C, little-endian length
 *     zstd frame (JSON in UTF-8)
 *     size of all of this in bytes, little-endian, four bytes
 *     the four characters KLIX
 *
 * So a program finds it from the last eight bytes of the blob. `docs/log-format.md` describes it for other programs.
 */
const INDEX_MAGIC = 0x184d2a5c;
const TAIL = Buffer.from('KLIX');
/** Bytes around the JSON. */
const HEAD_BYTES = 8;
const TAIL_BYTES = 8;
/** The most bytes of JSON: some 500,000 frames. */
const MOST_JSON = 67_108_864;

const Count = Type.Integer({ minimum: 0 });
/** A frame: first line, lines, offset and size in the blob, bytes of text, earliest and latest time, lines of each level. */
const IndexedFrame = Type.Tuple([
  Type.Integer({ minimum: 1 }),
  Type.Integer({ minimum: 1 }),
  Count,
  Type.Integer({ minimum: 1 }),
  Type.Integer({ minimum: 1 }),
  Count,
  Count,
  Type.Array(Count, { minItems: 5, maxItems: 5 }),
]);
type IndexedFrame = Static<typeof IndexedFrame>;

/** What an index says. Sizes and offsets in bytes, times in milliseconds since the epoch. */
export interface SealedIndex {
  v: 1;
  job: string;
  attempt: number;
  lines: number;
  /** Of the text. */
  bytes: number;
  frames: IndexedFrame[];
  outline: LogOutline;
}

const shape = Compile(
  Type.Object({
    v: Type.Literal(1),
    job: Type.String(),
    attempt: Type.Integer({ minimum: 1 }),
    lines: Count,
    bytes: Count,
    frames: Type.Array(IndexedFrame),
    outline: Type.Unsafe<LogOutline>(Type.Object({ lines: Count, sections: Type.Array(Type.Object({})) })),
  }),
);

/** The bytes of an index, to be put after the frames. */
export function encodeIndex(index: SealedIndex): Buffer {
  const json = zstdCompressSync(Buffer.from(JSON.stringify(index)));
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + json.length + TAIL_BYTES);
  bytes.writeUInt32LE(INDEX_MAGIC, 0);
  bytes.writeUInt32LE(json.length + TAIL_BYTES, 4);
  json.copy(bytes, HEAD_BYTES);
  bytes.writeUInt32LE(bytes.length, HEAD_BYTES + json.length);
  TAIL.copy(bytes, bytes.length - TAIL.length);
  return bytes;
}

/** Reads what `encodeIndex` made. Throws an Error that says which part is wrong. */
export function decodeIndex(bytes: Uint8Array): { index: SealedIndex; jsonBytes: number } {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole =
    buffer.length > HEAD_BYTES + TAIL_BYTES &&
    buffer.readUInt32LE(0) === INDEX_MAGIC &&
    buffer.readUInt32LE(buffer.length - TAIL_BYTES) === buffer.length &&
    buffer.subarray(-TAIL.length).equals(TAIL);
  if (!whole) throw new Error('the index of the sealed log is not where it should be');
  const json = zstdDecompressSync(buffer.subarray(HEAD_BYTES, -TAIL_BYTES), { maxOutputLength: MOST_JSON });
  const index: unknown = JSON.parse(json.toString('utf8'));
  if (!shape.Check(index)) {
    const [first] = shape.Errors(index);
    throw new Error(`the index of the sealed log is wrong at ${first?.instancePath || '/'}: ${first?.message}`);
  }
  return { index, jsonBytes: json.length };
}

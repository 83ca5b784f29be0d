import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { type PackedHeader, packHeader, unpackHeader } from './packed-header.ts';

/**
 * A log frame on the wire and in the database is these bytes:
 *
 *     zstd skippable frame (magic 0x184D2A5A, little-endian length, JSON header in UTF-8)
 *     zstd frame           (the lines' text, each line ended by \n)
 *
 * `zstd -d` skips the first and prints the second, so any run of frames, one after the other, is a valid zstd file of
 * the plain log. `docs/log-format.md` describes it for other programs.
 */
const FRAME_MAGIC = 0x184d2a5a;

/** In a sealed log the header is packed (`packed-header.ts`) and compressed by zstd, and begins with this. */
const PACKED_FRAME_MAGIC = 0x184d2a5b;

/** The most bytes that a packed header takes when it is unpacked: 65,536 runs of six numbers fit. */
const MOST_HEADER = 8_388_608;

/** Unpacks one zstd frame; throws when that would take more than `most` bytes, or on broken bytes. */
export type Inflate = (compressed: Uint8Array, most: number) => Uint8Array;

/**
 * The most bytes of text, and so the most lines, that a frame holds. An agent cuts at 256 KiB and may exceed that by one
 * line; whoever unpacks a frame needs no more room than this, whatever its header says.
 */
export const MOST_FRAME_TEXT = 1_048_576;

/** The most stretches of lines in a header. An agent cuts at 4096, and may exceed that by what one block of 64 KiB holds. */
const MOST_RUNS = 65_536;

/** End of the year 9999, in milliseconds since the epoch. */
const LAST_TIME = 253_402_300_799_999;

const RUN = [
  Type.Integer({ minimum: 1, maximum: MOST_FRAME_TEXT }),
  Type.Integer({ minimum: 0, maximum: LAST_TIME }),
  Type.Integer({ minimum: 0, maximum: 4 }),
  Type.String({ maxLength: 64 }),
  Type.Integer({ minimum: -1, maximum: 65_535 }),
  Type.Integer({ minimum: -1, maximum: 65_535 }),
] as const;

/**
 * A stretch of lines that share everything but their text:
 * [lines, milliseconds since the epoch, index in LOG_LEVELS, component, phase, step].
 * Component is `kiln` for what the agent says, `output` for what a command prints, and what a builder calls it for what a
 * builder posts. Phase is an index into the job's phases and step an index into the phase's steps; -1 is outside all of
 * them. A seventh value is a builder's own word for where in the build it is, where that is no phase or step of the job.
 */
export type LineRun = [
  lines: number,
  time: number,
  level: number,
  component: string,
  phase: number,
  step: number,
  context?: string,
];
export const LineRun = Type.Unsafe<LineRun>(
  Type.Union([Type.Tuple([...RUN]), Type.Tuple([...RUN, Type.String({ maxLength: 256 })])]),
);

export const FrameHeader = Type.Object({
  /** Format version. */
  v: Type.Literal(1),
  job: Type.String({ maxLength: 64 }),
  attempt: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
  /** 1, 2, 3 … within the attempt, without a gap. */
  sequence: Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
  /** Number of the first line, from 1: the one after the last of the frame before. */
  firstLine: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER - MOST_FRAME_TEXT }),
  lines: Type.Integer({ minimum: 1, maximum: MOST_FRAME_TEXT }),
  /** Bytes of text, at least one for each line. */
  bytes: Type.Integer({ minimum: 1, maximum: MOST_FRAME_TEXT }),
  runs: Type.Array(LineRun, { minItems: 1, maxItems: MOST_RUNS }),
});
export type FrameHeader = Static<typeof FrameHeader>;

const header = Compile(FrameHeader);

/** Raised on bytes that are not a frame; `message` says which part. */
export class FrameError extends Error {
  override name = 'FrameError';
}

/** Puts a frame together from its header and the text already compressed by zstd. */
export function encodeFrame(head: FrameHeader, compressed: Uint8Array): Uint8Array {
  return join(FRAME_MAGIC, new TextEncoder().encode(JSON.stringify(head)), compressed);
}

/** The packed header of a frame of a sealed log, to be compressed by zstd for `encodePackedFrame`. */
export function packedHeader(head: FrameHeader): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(packHeader(head)));
}

/** Puts a frame of a sealed log together from its packed header and the text, both already compressed by zstd. */
export function encodePackedFrame(packed: Uint8Array, compressed: Uint8Array): Uint8Array {
  return join(PACKED_FRAME_MAGIC, packed, compressed);
}

function join(magic: number, head: Uint8Array, compressed: Uint8Array): Uint8Array {
  const frame = new Uint8Array(8 + head.length + compressed.length);
  const view = new DataView(frame.buffer);
  view.setUint32(0, magic, true);
  view.setUint32(4, head.length, true);
  frame.set(head, 8);
  frame.set(compressed, 8 + head.length);
  return frame;
}

/**
 * Splits a frame into its checked header and the compressed text (a view, not a copy). Frames of a sealed log can be read
 * with `inflate` only; who takes frames from an agent gives none, since an agent has no reason to send such. Throws FrameError.
 */
export function decodeFrame(frame: Uint8Array, inflate?: Inflate): { header: FrameHeader; compressed: Uint8Array } {
  if (frame.length < 8) throw new FrameError(`a log frame has at least 8 bytes, this has ${frame.length}`);
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const magic = view.getUint32(0, true);
  const packs = inflate !== undefined && magic === PACKED_FRAME_MAGIC;
  if (magic !== FRAME_MAGIC && !packs)
    throw new FrameError(`a log frame begins with 0x184d2a5a, this with 0x${magic.toString(16)}`);
  const length = view.getUint32(4, true);
  if (8 + length > frame.length) throw new FrameError(`the header says ${length} bytes, the frame has ${frame.length}`);
  const head = frame.subarray(8, 8 + length);
  const parsed = packs ? unpack(head, inflate) : parse(head);
  if (!header.Check(parsed)) {
    const [first] = header.Errors(parsed);
    throw new FrameError(
      `the header of the log frame is wrong at ${first?.instancePath || '/'}: ${first?.message ?? 'unknown'}`,
    );
  }
  if (parsed.runs.reduce((sum, run) => sum + run[0], 0) !== parsed.lines)
    throw new FrameError('the runs of the log frame do not add up to its lines');
  if (parsed.bytes < parsed.lines) throw new FrameError('the log frame says that it has more lines than bytes');
  return { header: parsed, compressed: frame.subarray(8 + length) };
}

function parse(json: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(json));
  } catch {
    throw new FrameError('the header of the log frame is not JSON');
  }
}

function unpack(head: Uint8Array, inflate: Inflate): unknown {
  let json: Uint8Array;
  try {
    json = inflate(head, MOST_HEADER);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FrameError(`the header of the log frame can't be unpacked: ${reason}`);
  }
  const parsed = parse(json);
  if (!isPacked(parsed)) throw new FrameError('the packed header of the log frame lacks a column');
  return unpackHeader(parsed);
}

/** Whether every column is there; what is in them is checked as of any header. */
function isPacked(parsed: unknown): parsed is PackedHeader {
  return (
    typeof parsed === 'object' && parsed !== null && COLUMNS.every((name) => Array.isArray(Reflect.get(parsed, name)))
  );
}

const COLUMNS = ['names', 'counts', 'times', 'levels', 'components', 'phases', 'steps'];

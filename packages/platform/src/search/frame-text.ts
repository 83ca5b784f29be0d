import { zstdDecompressSync } from 'node:zlib';
import { FrameError, type LineRun, MOST_FRAME_TEXT } from '@kiln/protocol/frame.ts';
import { readFrame } from '@kiln/store/logs/read-frame.ts';
import { hasControls, visibleText } from './visible.ts';

/** Room for the text of most frames, in bytes: an agent cuts at 256 KiB, and may exceed that by one line. */
const USUAL_TEXT = 327_680;
/**
 * Text is made into strings of about so many bytes: V8 keeps those where they cost next to nothing to collect. Whole
 * frames as strings took 1.7 times the processor time.
 */
const PIECE = 65_536;
const LINE_FEED = 10;

/** A frame of a log as a search sees it: its text, and what its lines have in common once somebody asks. */
export class FrameText {
  readonly firstLine: number;
  readonly lines: number;
  readonly #data: Uint8Array;
  /** As people see it, each line ended by a line feed. */
  #bytes: Buffer | null = null;
  #runs: readonly LineRun[] | null = null;
  #split: string[] | null = null;

  constructor(frame: { firstLine: number; lines: number }, data: Uint8Array) {
    this.firstLine = frame.firstLine;
    this.lines = frame.lines;
    this.#data = data;
  }

  /** The runs of its header; none when it can't be read. Headers may take longer to read than text does. */
  get runs(): readonly LineRun[] {
    this.#runs ??= readRuns(this.#data);
    return this.#runs;
  }

  /** A line by its number; empty when there is none. */
  line(number: number): string {
    this.#split ??= this.#text().toString('utf8').split('\n');
    return this.#split[number - this.firstLine] ?? '';
  }

  /** The text in pieces of whole lines, without the last line feed of each. */
  *pieces(): Generator<string> {
    const bytes = this.#text();
    for (let offset = 0; offset < bytes.length; ) {
      let end = bytes.length;
      if (end - offset > PIECE) {
        const last = bytes.lastIndexOf(LINE_FEED, offset + PIECE);
        const feed = last >= offset ? last : bytes.indexOf(LINE_FEED, offset + PIECE);
        end = feed < 0 ? bytes.length : feed + 1;
      }
      yield bytes.toString('utf8', offset, bytes[end - 1] === LINE_FEED ? end - 1 : end);
      offset = end;
    }
  }

  #text(): Buffer {
    this.#bytes ??= readText(this.#data);
    return this.#bytes;
  }
}

function readRuns(data: Uint8Array): readonly LineRun[] {
  try {
    return readFrame(data).header.runs;
  } catch (error) {
    if (error instanceof FrameError) return [];
    throw error;
  }
}

/** The text of a frame, which is found without a look into its header; none when it can't be read. */
function readText(data: Uint8Array): Buffer {
  if (data.length < 8) return Buffer.alloc(0);
  const head = 8 + new DataView(data.buffer, data.byteOffset, data.byteLength).getUint32(4, true);
  try {
    const bytes = zstdDecompressSync(data.subarray(head), { chunkSize: USUAL_TEXT, maxOutputLength: MOST_FRAME_TEXT });
    return hasControls(bytes) ? Buffer.from(visibleText(bytes.toString('utf8'))) : bytes;
  } catch (error) {
    if (error instanceof Error && 'code' in error) return Buffer.alloc(0);
    throw error;
  }
}

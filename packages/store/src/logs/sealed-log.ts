import type { BlobStore } from '../blobs/blob-store.ts';
import type { StoredFrame } from '../frames.ts';
import { Lru } from './lru.ts';
import { decodeIndex, type SealedIndex } from './sealed-index.ts';
import type { SealedBlob } from './standing.ts';

/** Bytes of a blob that one read fetches when more is wanted than one frame. */
const CHUNK = 1_048_576;
/** Room for indexes, in bytes of their JSON: about a thousand logs of a few MB, or some hundred of 1 GB. */
const INDEX_ROOM = 16_777_216;

/** Reads sealed logs: the index in one read, and any stretch of lines in one more. */
export class SealedLogs {
  readonly #blobs: BlobStore;
  readonly #indexes = new Lru<SealedIndex>(INDEX_ROOM);
  readonly #reading = new Map<string, Promise<SealedIndex>>();

  constructor(blobs: BlobStore) {
    this.#blobs = blobs;
  }

  /** The index of a blob. Throws BlobMissing. */
  async index(blob: SealedBlob): Promise<SealedIndex> {
    const known = this.#indexes.get(blob.key);
    if (known) return known;
    const underWay = this.#reading.get(blob.key);
    if (underWay) return await underWay;
    const reading = this.#readIndex(blob).finally(() => this.#reading.delete(blob.key));
    this.#reading.set(blob.key, reading);
    return await reading;
  }

  /** The frames that hold the lines from `first` to `last`, fetched as they are consumed. Throws BlobMissing. */
  async *frames(blob: SealedBlob, first: number, last: number, chunk = CHUNK): AsyncGenerator<StoredFrame> {
    const { frames } = await this.index(blob);
    let at = frameOfLine(frames, first);
    for (let begin = frames[at]; begin && begin[0] <= last; begin = frames[at]) {
      const end = endOfChunk(frames, at, last, chunk);
      const bytes = await this.#blobs.read(blob.key, begin[2], end - begin[2]);
      if (bytes.length !== end - begin[2]) throw new Error(`${blob.key} is shorter than its index says`);
      for (let next = frames[at]; next && next[2] < end; next = frames[at]) {
        const [firstLine, lines, offset, size] = next;
        at += 1;
        yield { sequence: at, firstLine, lines, data: bytes.subarray(offset - begin[2], offset - begin[2] + size) };
      }
    }
  }

  async #readIndex(blob: SealedBlob): Promise<SealedIndex> {
    const { index, jsonBytes } = decodeIndex(await this.#blobs.read(blob.key, blob.indexOffset, blob.indexBytes));
    this.#indexes.set(blob.key, index, jsonBytes);
    return index;
  }
}

type Frames = SealedIndex['frames'];

/** The first line of the first frame that has a line of this time or later; null when none has. */
export function lineAtTime({ frames }: SealedIndex, ms: number): number | null {
  // Not by halving: what a builder posts may go back in time.
  return frames.find((frame) => frame[6] >= ms)?.[0] ?? null;
}

/** Place of the frame that holds a line; the number of frames when none does. */
function frameOfLine(frames: Frames, line: number): number {
  let low = 0;
  let high = frames.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const [firstLine, lines] = frames[middle] ?? [1, 0];
    if (firstLine + lines > line) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Where the frames from place `at` on end that are read together: at least one. */
function endOfChunk(frames: Frames, at: number, last: number, chunk: number): number {
  const offset = frames[at]?.[2] ?? 0;
  let end = offset;
  for (let n = at; n < frames.length; n++) {
    const frame = frames[n];
    if (!frame || (n > at && (frame[0] > last || frame[2] + frame[3] - offset > chunk))) break;
    end = frame[2] + frame[3];
  }
  return end;
}

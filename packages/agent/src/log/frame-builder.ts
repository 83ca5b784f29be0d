import type { FrameHeader, LineRun } from '@kiln/protocol/frame.ts';
import type { LevelStretch } from './levels.ts';

/** A frame is cut at the latest when it holds this much text, in bytes. */
export const FRAME_TEXT = 262_144;
/** Room for a whole block of lines on top, so that no block has to be divided. */
const CAPACITY = FRAME_TEXT + 81_920;
/** A frame is cut, too, when so many of its lines differ from those before them: each costs about 34 bytes of its header. */
const FRAME_RUNS = 4096;
/** Texts of at most this size are copied out, so that a quiet job's frames are small objects. */
const SMALL = 32_768;

/** What a stretch of lines shares: component, index of the phase and of the step (-1: outside of all). */
export interface Place {
  component: 'kiln' | 'output';
  phase: number;
  step: number;
}

/** Lines that became a frame, before they are compressed. `recycle` takes the text's memory back. */
export interface Draft {
  head: Pick<FrameHeader, 'firstLine' | 'lines' | 'bytes' | 'runs'>;
  text: Buffer;
  recycle: () => void;
}

/** Gathers lines for the next frame. Times never go back within an attempt, so that a time can be searched for. */
export class FrameBuilder {
  #buffer: Buffer | null = null;
  #spare: Buffer | null = null;
  #length = 0;
  #lines = 0;
  #firstLine = 1;
  #runs: LineRun[] = [];
  #lastTime = 0;

  /** Whether it is time to cut. */
  get full(): boolean {
    return this.#length >= FRAME_TEXT || this.#runs.length >= FRAME_RUNS;
  }

  /** Number that the next line gets. */
  get nextLine(): number {
    return this.#firstLine + this.#lines;
  }

  /** Whether a block of this many bytes still fits. */
  fits(bytes: number): boolean {
    return this.#length === 0 || this.#length + bytes <= CAPACITY;
  }

  /** Adds whole lines; `stretches` are their levels, in order. */
  append(block: Buffer, stretches: readonly LevelStretch[], place: Place, now: number): void {
    this.#reserve(block.length);
    if (this.#buffer) block.copy(this.#buffer, this.#length);
    this.#length += block.length;
    this.#lastTime = Math.max(this.#lastTime, now);
    for (const { lines, level } of stretches) this.#addRun(lines, level, place);
  }

  /** Takes what was gathered, or null when there is nothing. */
  take(): Draft | null {
    if (!this.#buffer || this.#lines === 0) return null;
    const head = { firstLine: this.#firstLine, lines: this.#lines, bytes: this.#length, runs: this.#runs };
    const buffer = this.#buffer;
    const full = buffer.subarray(0, this.#length);
    const small = this.#length <= SMALL;
    if (!small) this.#buffer = null;
    this.#firstLine += this.#lines;
    this.#length = 0;
    this.#lines = 0;
    this.#runs = [];
    return {
      head,
      text: small ? Buffer.from(full) : full,
      recycle: () => {
        if (!small && buffer.length === CAPACITY) this.#spare = buffer;
      },
    };
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (this.#buffer && needed <= this.#buffer.length) return;
    // A quiet job never needs the large buffer.
    const size = needed <= 4096 ? 4096 : Math.max(CAPACITY, needed);
    const next = size === CAPACITY && this.#spare ? this.#spare : Buffer.allocUnsafeSlow(size);
    if (next === this.#spare) this.#spare = null;
    this.#buffer?.copy(next, 0, 0, this.#length);
    this.#buffer = next;
  }

  #addRun(lines: number, level: number, { component, phase, step }: Place): void {
    this.#lines += lines;
    const last = this.#runs.at(-1);
    if (
      last &&
      last[1] === this.#lastTime &&
      last[2] === level &&
      last[3] === component &&
      last[4] === phase &&
      last[5] === step
    ) {
      last[0] += lines;
    } else {
      this.#runs.push([lines, this.#lastTime, level, component, phase, step]);
    }
  }
}

/** Longest line in bytes. A longer one is cut into lines of at most this, all but the last ending with CONTINUED. */
export const LINE_LIMIT = 65_536;
/** What stands at the end of a line that goes on in the next one. */
export const CONTINUED = ' ⏎';

const CONTINUED_END = Buffer.from(`${CONTINUED}\n`);
const NEWLINE = 10;

/** Says where a long line may be cut, so that no secret is torn in two and escapes the mask. */
export interface CutGuard {
  /** Length in bytes of the longest thing that must stay whole. */
  readonly longest: number;
  /** The place to cut `bytes` at or near `limit`; never 0. */
  cutPoint(bytes: Buffer, limit: number): number;
}

/**
 * Turns chunks of output, cut anywhere, into blocks of whole lines, each line with its newline. A block is only valid
 * during the call that receives it: it may be a view of the chunk.
 */
export class LineSplitter {
  readonly #emit: (block: Buffer) => void;
  readonly #guard: CutGuard;
  #held = Buffer.alloc(0);
  #length = 0;

  constructor(emit: (block: Buffer) => void, guard: CutGuard) {
    this.#emit = emit;
    this.#guard = guard;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    if (this.#length > 0) {
      const end = rest.indexOf(NEWLINE) + 1;
      this.#hold(end === 0 ? rest : rest.subarray(0, end));
      if (end === 0) {
        this.#cutHeld();
        return;
      }
      const line = this.#held.subarray(0, this.#length);
      this.#length = 0;
      this.#emitLine(line);
      rest = rest.subarray(end);
    }
    const end = rest.lastIndexOf(NEWLINE) + 1;
    if (end > 0) this.#emitBlock(rest.subarray(0, end));
    if (end === rest.length) return;
    this.#hold(rest.subarray(end));
    this.#cutHeld();
  }

  /** Ends the line that is not finished, if there is one. */
  flush(): void {
    if (this.#length > 0) this.push(Buffer.of(NEWLINE));
  }

  #hold(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#held.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#held.length, 1024));
      this.#held.copy(grown, 0, 0, this.#length);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#length);
    this.#length = length;
  }

  /** Waits for some bytes more than the limit, so that what must stay whole at the cut is seen whole. */
  #cutHeld(): void {
    while (this.#length > LINE_LIMIT + this.#guard.longest) {
      const line = this.#held.subarray(0, this.#length);
      const cut = this.#emitHead(line);
      line.copy(this.#held, 0, cut);
      this.#length -= cut;
    }
  }

  #emitBlock(block: Buffer): void {
    let rest = block;
    // A stretch no longer than the limit can't hold a line that is.
    while (rest.length > LINE_LIMIT + 1) {
      const whole = rest.lastIndexOf(NEWLINE, LINE_LIMIT) + 1;
      const end = whole > 0 ? whole : rest.indexOf(NEWLINE) + 1;
      if (whole > 0) this.#emit(rest.subarray(0, end));
      else this.#emitLine(rest.subarray(0, end));
      rest = rest.subarray(end);
    }
    if (rest.length > 0) this.#emit(rest);
  }

  #emitLine(line: Buffer): void {
    let rest = line;
    while (rest.length > LINE_LIMIT + 1) rest = rest.subarray(this.#emitHead(rest));
    this.#emit(rest);
  }

  #emitHead(line: Buffer): number {
    const cut = this.#guard.cutPoint(line, startOfCharacter(line, LINE_LIMIT));
    this.#emit(Buffer.concat([line.subarray(0, cut), CONTINUED_END]));
    return cut;
  }
}

/** The place at or shortly before `at` that is not inside a UTF-8 character. Bytes that are no UTF-8 are cut at `at`. */
function startOfCharacter(bytes: Buffer, at: number): number {
  for (let start = at; start > at - 4 && start > 0; start--) {
    const byte = bytes[start] ?? 0;
    if ((byte & 0xc0) !== 0x80) return start;
  }
  return at;
}

import { encodeFrame } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS, type LogLevel } from '@kiln/protocol/states.ts';
import { Compressor } from '@kiln/service/frames/compressor.ts';
import { LineSplitter } from '@kiln/service/frames/lines.ts';
import { Causes } from './causes.ts';
import { type Command, mayHoldCommands, separateCommands } from './commands.ts';
import { type Draft, FrameBuilder, type Place } from './frame-builder.ts';
import { levelsOf } from './levels.ts';
import type { Masks } from './mask.ts';
import { OUTSIDE, type Where } from './where.ts';
import type { FrameWindow } from './window.ts';

/** Text that is being compressed; beyond this the output waits. */
const COMPRESSING_LIMIT = 1_048_576;

export interface JobLogOptions {
  jobId: string;
  attempt: number;
  masks: Masks;
  /** Bytes of output after which the rest is cut. */
  limitBytes: number;
  window: FrameWindow;
  /** A step printed `::kiln progress`. */
  onProgress: (percent: number, text: string, where: Where) => void;
  /** A frame could not be made. */
  onFault: (error: unknown) => void;
  /** Called with lines and bytes of text for each frame. */
  onFrame: (lines: number, bytes: number) => void;
}

/** Where the output of one command goes. */
export interface OutputSink {
  /** False: no more, please, until a listener given to `onRoom` is called. The chunk itself was taken. */
  write(chunk: Buffer): boolean;
  /** Ends a last line that has no newline. */
  end(): void;
}

/**
 * The log of one attempt: lines in, frames out. A frame is cut at once when nothing of the attempt is on its way, else
 * when the last one is acknowledged or when a frame is full.
 */
export class JobLog {
  readonly causes = new Causes();
  readonly #options: JobLogOptions;
  readonly #builder = new FrameBuilder();
  readonly #compressor = new Compressor();
  readonly #splitters: LineSplitter[] = [];
  readonly #waiting = new Set<() => void>();
  #sequence = 0;
  #kept = 0;
  #isCut = false;
  #compressing = 0;
  #compressed: Promise<void> = Promise.resolve();
  #isDue = false;

  constructor(options: JobLogOptions) {
    this.#options = options;
  }

  /** Number of lines so far. */
  get lines(): number {
    return this.#builder.nextLine - 1;
  }

  get full(): boolean {
    return this.#compressing >= COMPRESSING_LIMIT || this.#options.window.full;
  }

  /** Calls `listener` once, when there is room again. */
  onRoom(listener: () => void): void {
    this.#waiting.add(listener);
  }

  /** Adds a line of Kiln's own. Newlines in `text` become spaces. */
  say(text: string, where: Where = OUTSIDE, level: LogLevel = 'INFO'): void {
    const line = this.#options.masks.maskText(text.replace(/\s*[\r\n]+\s*/g, ' ').toWellFormed());
    this.#append(Buffer.from(`${line}\n`), [{ lines: 1, level: LOG_LEVELS.indexOf(level) }], 'kiln', where);
  }

  /** A sink for the output of one command. */
  output(where: Where): OutputSink {
    const splitter = new LineSplitter((block) => this.#accept(block, where), this.#options.masks);
    this.#splitters.push(splitter);
    return {
      write: (chunk) => {
        splitter.push(chunk);
        return !this.full;
      },
      end: () => splitter.flush(),
    };
  }

  /** Looks whether a frame can be cut now; called when frames were acknowledged. */
  settle(): void {
    if (this.#compressing === 0 && this.#options.window.unacknowledged === 0) this.#cut();
    if (this.full || this.#waiting.size === 0) return;
    const listeners = [...this.#waiting];
    this.#waiting.clear();
    for (const listener of listeners) listener();
  }

  /** Ends the lines that have no end yet, of what ran in the background until now. */
  flush(): void {
    for (const splitter of this.#splitters) splitter.flush();
  }

  /** Cuts what is left. Settles when every frame is in the window. */
  async finish(): Promise<void> {
    this.#cut();
    await this.#compressed;
    this.close();
  }

  /** Gives back what the log needed; what was not handed to the window is dropped. */
  close(): void {
    this.#compressor.close();
  }

  #accept(block: Buffer, where: Where): void {
    if (!mayHoldCommands(block)) {
      this.#record(block, where);
    } else {
      const lines = (part: Buffer) => this.#record(part, where);
      separateCommands(block, lines, (command) => this.#obey(command, where));
    }
  }

  #obey(command: Command, where: Where): void {
    const { masks, onProgress } = this.#options;
    if (command.name === 'progress') {
      onProgress(command.percent, masks.maskText(command.text), where);
    } else if (command.name === 'mask') {
      if (masks.add(command.value)) return;
      this.say('::kiln mask was given a value of less than 4 characters, which is not masked', where, 'WARN');
    } else {
      const text = command.name === 'unknown' ? command.line : command.text;
      this.#record(Buffer.from(`${text}\n`), where, command.name === 'error' ? 'ERROR' : 'WARN');
    }
  }

  /** Takes output whose commands were taken out: masks it, finds the levels, keeps it. */
  #record(given: Buffer, where: Where, level?: LogLevel): void {
    const plain = given.toString('latin1');
    const masked = this.#options.masks.maskLatin1(plain);
    let block = masked === plain ? given : Buffer.from(masked, 'latin1');
    if (this.#kept + block.length > this.#options.limitBytes) block = this.#withinLimit(block);
    if (block.length === 0) {
      this.#sayCut(where);
      return;
    }
    const text = block.length === masked.length ? masked : masked.slice(0, block.length);
    const first = this.#builder.nextLine;
    const { stretches, lines, firstError } = levelsOf(block, text);
    if (level) {
      if (level === 'ERROR') this.causes.error(where, first, text.slice(0, -1));
      this.#append(block, [{ lines, level: LOG_LEVELS.indexOf(level) }], 'output', where);
    } else {
      if (firstError) this.causes.error(where, first + firstError.index, firstError.text);
      this.#append(block, stretches, 'output', where);
    }
    this.causes.output(where, first + lines - 1, text);
    this.#kept += block.length;
    if (block.length < masked.length) this.#sayCut(where);
  }

  #withinLimit(block: Buffer): Buffer {
    const room = this.#isCut ? 0 : this.#options.limitBytes - this.#kept;
    return room <= 0 ? block.subarray(0, 0) : block.subarray(0, block.lastIndexOf(10, room - 1) + 1);
  }

  #sayCut(where: Where): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const limit = this.#options.limitBytes.toLocaleString('en');
    this.say(
      `✂ the log reached its limit of ${limit} bytes; the job goes on, its further output is not kept`,
      where,
      'WARN',
    );
  }

  #append(
    block: Buffer,
    stretches: { lines: number; level: number }[],
    component: Place['component'],
    where: Where,
  ): void {
    if (!this.#builder.fits(block.length)) this.#cut();
    this.#builder.append(block, stretches, { component, ...where }, Date.now());
    if (this.#builder.full) this.#cut();
    if (this.#isDue) return;
    // Lines that come in one turn of the event loop share a frame.
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.settle();
    });
  }

  #cut(): void {
    const draft = this.#builder.take();
    if (!draft) return;
    const sequence = ++this.#sequence;
    this.#options.onFrame(draft.head.lines, draft.head.bytes);
    const compressed = this.#compressor.compress(draft.text);
    if (compressed instanceof Buffer && this.#compressing === 0) {
      this.#hand(sequence, draft, compressed);
      return;
    }
    this.#compressing += draft.text.length;
    const done = Promise.resolve(compressed);
    // Both frames and faults keep their order, though several are compressed at a time.
    this.#compressed = Promise.all([done, this.#compressed]).then(
      ([bytes]) => {
        this.#compressing -= draft.text.length;
        this.#hand(sequence, draft, bytes);
        this.settle();
      },
      (error: unknown) => {
        this.#options.window.break();
        this.#options.onFault(error);
      },
    );
  }

  #hand(sequence: number, draft: Draft, compressed: Buffer): void {
    const { jobId, attempt, window } = this.#options;
    draft.recycle();
    window.push(sequence, encodeFrame({ v: 1, job: jobId, attempt, sequence, ...draft.head }, compressed));
  }
}

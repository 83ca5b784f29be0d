import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import type { LogLine } from '@kiln/protocol/api.ts';
import { tameLine } from '../live/screen.ts';
import { paint } from '../output/words.ts';

export interface PrinterOptions {
  /** JSON lines instead of text. */
  json: boolean;
  /** Text as it was printed, also on a terminal. */
  raw: boolean;
  /** Colours: those of the build, and Kiln's own on a terminal. */
  color: boolean;
  /** Names the job before each line. */
  prefix: boolean;
}

/** A line with the matches in it, as [start, end), if it was searched for. */
export type PrintedLine = Pick<LogLine, 'level' | 'component' | 'text'> &
  Partial<LogLine> & { ranges?: [number, number][] };

/** Writes lines of logs to stdout; waits while the reader is slow. */
export class Printer {
  readonly #options: PrinterOptions;
  readonly #out: NodeJS.WriteStream;
  readonly #isTerminal: boolean;

  constructor(options: PrinterOptions, out: NodeJS.WriteStream = process.stdout) {
    this.#options = options;
    this.#out = out;
    this.#isTerminal = out.isTTY === true;
  }

  async print(job: string, lines: readonly PrintedLine[]): Promise<void> {
    if (lines.length === 0) return;
    const text = lines.map((line) => (this.#options.json ? jsonOf(line) : this.#textOf(job, line))).join('\n');
    await this.#write(`${text}\n`);
  }

  /** A line that belongs to no log: between hits that do not touch. Left out of JSON. */
  async separate(): Promise<void> {
    if (!this.#options.json) await this.#write(`${this.#paint('gray', '--')}\n`);
  }

  async #write(text: string): Promise<void> {
    if (!this.#out.write(text)) await once(this.#out, 'drain');
  }

  #textOf(job: string, line: PrintedLine): string {
    const { raw, prefix } = this.#options;
    const before = prefix ? this.#paint('cyan', `${job} │ `) : '';
    if (raw) return before + line.text;
    return before + this.#colourful(line, this.#isTerminal ? tameLine(line.text) : line.text);
  }

  #colourful(line: PrintedLine, text: string): string {
    if (!this.#options.color) return stripVTControlCharacters(text);
    if (line.ranges) return this.#marked(line.text, line.ranges);
    if (line.level === 'ERROR' || line.level === 'FATAL') return this.#paint('red', text);
    if (line.level === 'WARN') return this.#paint('yellow', text);
    return line.component === 'kiln' ? this.#paint('gray', text) : text;
  }

  #marked(text: string, ranges: readonly [number, number][]): string {
    let marked = '';
    let at = 0;
    for (const [start, end] of ranges) {
      marked += text.slice(at, start) + this.#paint(['bold', 'red'], text.slice(start, end));
      at = end;
    }
    return marked + text.slice(at);
  }

  #paint(style: Parameters<typeof paint>[0], text: string): string {
    return this.#options.color && this.#isTerminal ? paint(style, text) : text;
  }
}

/** A line as `log.jsonl` has it. */
function jsonOf({ ranges: _, ...line }: PrintedLine): string {
  return JSON.stringify(line);
}

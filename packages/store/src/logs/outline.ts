import type { FrameHeader, LineRun } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS, type LogLevel } from '@kiln/protocol/states.ts';
import { Density, type DensityBucket } from './density.ts';
import { type LogMark, Marks } from './marks.ts';

/** A stretch of lines of one phase and step. Times are milliseconds since the epoch; -1 is outside of all. */
export interface LogSection {
  phase: number;
  step: number;
  firstLine: number;
  lines: number;
  firstTime: number;
  lastTime: number;
  warnings: number;
  /** Lines of level ERROR or FATAL. */
  errors: number;
}

/** What there is to see in a log without reading it: bounded in size whatever the log's. */
export interface LogOutline {
  lines: number;
  levels: Record<LogLevel, number>;
  components: { name: string; lines: number }[];
  sections: LogSection[];
  /** Up to 2,000 lines of WARN and worse: the first ones, then evenly spread ones. */
  marks: LogMark[];
  /** Up to 400 stretches of equally many lines; the last one may have fewer. */
  density: DensityBucket[];
}

/** A section that begins after so many is taken into the last one. */
const MOST_SECTIONS = 2000;
/** Components beyond so many are counted under the last name. */
const MOST_COMPONENTS = 100;
const OTHERS = '…';
const WARN = LOG_LEVELS.indexOf('WARN');

/** Gathers the outline of a log from its frames' headers, in order. */
export class OutlineBuilder {
  #lines = 0;
  readonly #levels = LOG_LEVELS.map(() => 0);
  readonly #components = new Map<string, number>();
  readonly #sections: LogSection[] = [];
  readonly #marks = new Marks();
  readonly #density = new Density();

  /** The number of the last line that was taken in. */
  get lines(): number {
    return this.#lines;
  }

  add({ runs }: Pick<FrameHeader, 'runs'>): void {
    for (const run of runs) this.#addRun(run);
  }

  /** How it stands; what is added later does not change what was returned. */
  outline(): LogOutline {
    const levels = Object.fromEntries(LOG_LEVELS.map((level, index) => [level, this.#levels[index] ?? 0]));
    return {
      lines: this.#lines,
      levels: levels as Record<LogLevel, number>,
      components: [...this.#components].map(([name, lines]) => ({ name, lines })),
      sections: this.#sections.map((section) => ({ ...section })),
      marks: this.#marks.list(),
      density: this.#density.list(),
    };
  }

  #addRun([count, time, level, component, phase, step]: LineRun): void {
    const firstLine = this.#lines + 1;
    this.#lines += count;
    this.#levels[level] = (this.#levels[level] ?? 0) + count;
    const name = this.#components.has(component) || this.#components.size < MOST_COMPONENTS ? component : OTHERS;
    this.#components.set(name, (this.#components.get(name) ?? 0) + count);
    this.#addToSection(firstLine, count, time, level, phase, step);
    if (level >= WARN) this.#marks.add(firstLine, count, level);
    this.#density.add(count, level === WARN ? count : 0, level > WARN ? count : 0);
  }

  #addToSection(firstLine: number, count: number, time: number, level: number, phase: number, step: number): void {
    let section = this.#sections.at(-1);
    const continues = section?.phase === phase && section.step === step;
    if (!section || (!continues && this.#sections.length < MOST_SECTIONS)) {
      section = { phase, step, firstLine, lines: 0, firstTime: time, lastTime: time, warnings: 0, errors: 0 };
      this.#sections.push(section);
    }
    section.lines += count;
    section.lastTime = time;
    if (level === WARN) section.warnings += count;
    if (level > WARN) section.errors += count;
  }
}

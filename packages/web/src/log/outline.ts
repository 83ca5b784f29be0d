import type { FrameHeader } from '@kiln/protocol/frame.ts';
import type { LogOutlineAnswer } from '@kiln/protocol/log-api.ts';

export type Section = LogOutlineAnswer['sections'][number];

/** A line of WARN or worse. */
export interface Mark {
  line: number;
  isError: boolean;
}

/** Marks kept of live frames. A page that has seen more than this asks the farm when it needs to know. */
const MOST_MARKS = 5000;
const WARN = 2;
const ERROR = 3;

/**
 * What is where in a log: the farm's outline, and what live frames added since. Frames that go on where it ends make it
 * longer; one that comes after a gap makes it `stale`, and the farm has to be asked again.
 */
export class Outline {
  lines = 0;
  warnings = 0;
  errors = 0;
  readonly sections: Section[] = [];
  readonly components = new Map<string, number>();
  readonly marks: Mark[] = [];
  /** Stretches of the log with their counts, where there are more marks than are kept. */
  density: LogOutlineAnswer['density'] = [];
  /** Whether every line of WARN and worse is in `marks`. */
  marksAll = true;
  stale = false;

  static of(answer: LogOutlineAnswer): Outline {
    const outline = new Outline();
    const { levels } = answer;
    outline.lines = answer.lines;
    outline.warnings = levels.WARN;
    outline.errors = levels.ERROR + levels.FATAL;
    outline.sections.push(...answer.sections.map((section) => ({ ...section })));
    for (const { name, lines } of answer.components) outline.components.set(name, lines);
    for (const { line, level } of answer.marks) outline.marks.push({ line, isError: level !== 'WARN' });
    outline.marksAll = outline.marks.length === outline.warnings + outline.errors;
    outline.density = answer.density;
    return outline;
  }

  /** Takes in the lines of a frame that are new. Returns whether there were any. */
  add({ firstLine, lines, runs }: Pick<FrameHeader, 'firstLine' | 'lines' | 'runs'>): boolean {
    if (firstLine + lines - 1 <= this.lines) return false;
    if (firstLine > this.lines + 1) {
      this.stale = true;
      return false;
    }
    let line = firstLine;
    for (const [count, time, level, component, phase, step] of runs) {
      const fresh = Math.min(count, line + count - 1 - this.lines);
      if (fresh > 0) this.#addRun(this.lines + 1, fresh, time, level, component, phase, step);
      line += count;
    }
    return true;
  }

  #addRun(
    first: number,
    count: number,
    time: number,
    level: number,
    component: string,
    phase: number,
    step: number,
  ): void {
    this.lines = first + count - 1;
    this.components.set(component, (this.components.get(component) ?? 0) + count);
    let section = this.sections.at(-1);
    if (!section || section.phase !== phase || section.step !== step) {
      section = { phase, step, firstLine: first, lines: 0, firstTime: time, lastTime: time, warnings: 0, errors: 0 };
      this.sections.push(section);
    }
    section.lines += count;
    section.lastTime = time;
    if (level < WARN) return;
    if (level >= ERROR) {
      this.errors += count;
      section.errors += count;
    } else {
      this.warnings += count;
      section.warnings += count;
    }
    for (let n = 0; n < count && this.marks.length < MOST_MARKS; n += 1) {
      this.marks.push({ line: first + n, isError: level >= ERROR });
    }
    this.marksAll = this.marks.length === this.warnings + this.errors;
  }
}

/** The first mark after a line, null when there is none. */
export function markAfter(marks: readonly Mark[], line: number): Mark | null {
  return marks[firstAfter(marks, line)] ?? null;
}

/** The last mark before a line, null when there is none. */
export function markBefore(marks: readonly Mark[], line: number): Mark | null {
  return marks[firstAfter(marks, line - 1) - 1] ?? null;
}

function firstAfter(marks: readonly Mark[], line: number): number {
  let low = 0;
  let high = marks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((marks[middle]?.line ?? 0) <= line) low = middle + 1;
    else high = middle;
  }
  return low;
}

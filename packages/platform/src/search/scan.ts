import type { LineRun } from '@kiln/protocol/frame.ts';
import type { LogContextLine, LogHit } from '@kiln/protocol/log-api.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import type { Expression } from './expression.ts';
import { passes, passesAll } from './filter.ts';
import { FrameText } from './frame-text.ts';
import { matchingLines, matchRanges } from './match-lines.ts';
import type { SearchTask, TaskResult } from './task.ts';

/** A line of context is cut to this many characters. */
const MOST_CONTEXT_TEXT = 2000;
/** What is said of lines whose header can't be read, as everywhere. */
const UNREADABLE: LineRun = [1, 0, LOG_LEVELS.indexOf('ERROR'), 'kiln', -1, -1];

/** Looks through the frames of a task. Frames without a wanted line are not unpacked, unless there is context to give. */
export function scan(task: SearchTask, expression: Expression): TaskResult {
  const { context } = task;
  const frames = framesOf(task);
  const result: TaskResult = { count: 0, hits: [], head: [], tail: [] };
  const takesAll = passesAll(task.filter);
  for (const [place, frame] of frames.entries()) {
    const runs = new RunCursor(frame);
    for (const { line, text } of foundLines(frame, task, expression)) {
      const isWanted = result.hits.length < task.most;
      // Headers of frames in which hits are only counted are not read.
      const run = isWanted || !takesAll ? runs.at(line) : null;
      if (run && !passes(task.filter, run)) continue;
      result.count += 1;
      if (!isWanted || !run) continue;
      result.hits.push({
        ...hitOf(line, run, text, matchRanges(text, expression)),
        before: around(frames, place, line - context, line - 1),
        after: around(frames, place, line + 1, line + context),
      });
    }
  }
  const first = frames[0];
  const last = frames.at(-1);
  if (context > 0 && first && last) {
    result.head = around(frames, 0, first.firstLine, first.firstLine + context - 1);
    const end = last.firstLine + last.lines;
    result.tail = around(frames, frames.length - 1, end - context, end - 1);
  }
  return result;
}

function framesOf(task: SearchTask): FrameText[] {
  const frames: FrameText[] = [];
  const skips = task.context === 0 && !passesAll(task.filter);
  let at = 0;
  for (const each of task.frames) {
    const frame = new FrameText(each, task.data.subarray(at, at + each.bytes));
    at += each.bytes;
    if (!skips || frame.runs.some((run) => passes(task.filter, run))) frames.push(frame);
  }
  return frames;
}

/** The lines of a frame that match, among those that may be hits. */
function* foundLines(
  frame: FrameText,
  task: SearchTask,
  expression: Expression,
): Generator<{ line: number; text: string }> {
  const last = Math.min(task.lastLine, frame.firstLine + frame.lines - 1);
  const uncounted: string[] = [];
  let first = frame.firstLine;
  expression.begin();
  for (const text of frame.pieces()) {
    for (const { index, start, end } of matchingLines(text, expression, task.pattern.lineByLine)) {
      // Lines are counted only where something is found.
      for (const before of uncounted.splice(0)) first += countLines(before);
      if (first + index > last) return;
      if (first + index >= task.firstLine) yield { line: first + index, text: text.slice(start, end) };
    }
    uncounted.push(text);
  }
}

/** How many lines a text without its last line feed has. */
function countLines(text: string): number {
  let count = 1;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** Finds the runs of lines that are asked for in order. */
class RunCursor {
  readonly #frame: FrameText;
  #next = 0;
  #end: number;

  constructor(frame: FrameText) {
    this.#frame = frame;
    this.#end = frame.firstLine;
  }

  /** The run of a line; when the header can't be read, one that says as much. */
  at(line: number): LineRun {
    const { runs } = this.#frame;
    while (this.#end <= line && this.#next < runs.length) this.#end += runs[this.#next++]?.[0] ?? 0;
    return runs[this.#next - 1] ?? UNREADABLE;
  }
}

function hitOf(line: number, run: LineRun, text: string, ranges: [number, number][]) {
  const [, time, level, component, phase, step] = run;
  return {
    type: 'hit',
    line,
    time: new Date(time).toISOString(),
    level: LOG_LEVELS[level] ?? 'INFO',
    component,
    phase,
    step,
    text,
    ranges,
  } satisfies Partial<LogHit>;
}

/** The lines from `first` to `last`, as far as these frames have them. `place` is the index of a frame near by. */
function around(frames: readonly FrameText[], place: number, first: number, last: number): LogContextLine[] {
  if (first > last) return [];
  let at = place;
  while (at > 0 && (frames[at]?.firstLine ?? 0) > first) at -= 1;
  const found: LogContextLine[] = [];
  for (let frame = frames[at]; frame && frame.firstLine <= last; frame = frames[++at]) {
    const to = Math.min(last, frame.firstLine + frame.lines - 1);
    for (let line = Math.max(first, frame.firstLine); line <= to; line++) {
      found.push({ line, text: frame.line(line).slice(0, MOST_CONTEXT_TEXT) });
    }
  }
  return found;
}

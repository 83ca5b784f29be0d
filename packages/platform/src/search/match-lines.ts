import type { Expression } from './expression.ts';

/** A line of a text that matched: its index from 0, and where it stands in the text, without its line feed. */
export interface MatchingLine {
  index: number;
  start: number;
  end: number;
}

/** The most matches of one line that are told. */
const MOST_RANGES = 200;
/** After so many matches that went over the end of their line, lines are looked at one by one. */
const MOST_STRAYS = 16;

/**
 * The lines of `text` in which the expression finds something; `text` has no line feed at its end. The expression runs
 * over the whole text, which is several times as fast as line by line. A match that goes over the end of its line
 * (`[^x]+`, `\s`) is none: there the line is looked at alone. That finds the same as looking at each line alone, because
 * whatever matches in a line matches in the text from the same place on, unless the expression looks around; for such,
 * `lineByLine` is to be set.
 */
export function* matchingLines(text: string, expression: Expression, lineByLine: boolean): Generator<MatchingLine> {
  let index = 0;
  let start = 0;
  for (let strays = lineByLine ? MOST_STRAYS : 0; strays < MOST_STRAYS; ) {
    const match = expression.find(text, start);
    if (!match) return;
    const [matchStart, matchEnd] = match;
    let end = endOfLine(text, start);
    while (end < matchStart) {
      start = end + 1;
      index += 1;
      end = endOfLine(text, start);
    }
    const strayed = matchEnd > end;
    if (strayed) strays += 1;
    if (!strayed || testLine(expression, text.slice(start, end))) yield { index, start, end };
    if (end === text.length) return;
    start = end + 1;
    index += 1;
  }
  for (;;) {
    const end = endOfLine(text, start);
    if (testLine(expression, text.slice(start, end))) yield { index, start, end };
    if (end === text.length) return;
    start = end + 1;
    index += 1;
  }
}

/** Where the expression matches in a line, as [start, end); what matched nothing is left out. */
export function matchRanges(line: string, expression: Expression): [number, number][] {
  const ranges: [number, number][] = [];
  for (const match of expression.all(line)) {
    if (match[0] !== '') ranges.push([match.index, match.index + match[0].length]);
    if (ranges.length === MOST_RANGES) break;
  }
  return ranges;
}

function endOfLine(text: string, start: number): number {
  const end = text.indexOf('\n', start);
  return end < 0 ? text.length : end;
}

function testLine(expression: Expression, line: string): boolean {
  return expression.find(line, 0) !== null;
}

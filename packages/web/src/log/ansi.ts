import { applySgr, type Style, sameStyle } from './sgr.ts';

/** A stretch of text in one style; the style is null for plain text. */
export interface Span {
  text: string;
  style: Style | null;
}

/**
 * Everything that is not plain text: CSI sequences, OSC and other strings up to their end, other escapes, and control
 * characters. The groups are the parameters and the final byte of a CSI sequence.
 */
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x1f\x7f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same, to see at once that a line is plain
const ANY = /[\x00-\x08\x0a-\x1f\x7f]/;
/** What moves the cursor back or erases: the line must be played as a terminal would. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const MOVES = /[\r\x08]|\x1b\[[0-9;]*[CDGKP@X]/;
/** A cursor is never moved further than this to the right: a line of the log is 64 KiB at most. */
const COLUMNS = 65_536;

/** What a terminal would show of one line: colours, and what was overwritten after a carriage return. */
export function parseAnsi(line: string): Span[] {
  const text = line.endsWith('\r') ? line.slice(0, -1) : line;
  if (!ANY.test(text)) return text === '' ? [] : [{ text, style: null }];
  return MOVES.test(text) ? play(text) : paint(text);
}

/** The text of a line without its control sequences. */
export function plainText(line: string): string {
  return parseAnsi(line)
    .map((span) => span.text)
    .join('');
}

/** A line whose cursor only ever goes forward. */
function paint(line: string): Span[] {
  const spans: Span[] = [];
  let style: Style | null = null;
  let from = 0;
  for (const match of line.matchAll(CONTROL)) {
    add(spans, line.slice(from, match.index), style);
    from = match.index + match[0].length;
    if (match[2] === 'm') style = applySgr(style, match[1] ?? '');
  }
  add(spans, line.slice(from), style);
  return spans;
}

/** A line that overwrites itself: one cell a column, then put together again. */
function play(line: string): Span[] {
  const cells: Span[] = [];
  let style: Style | null = null;
  let column = 0;
  const write = (text: string) => {
    for (const character of text) {
      while (cells.length < column) cells.push({ text: ' ', style: null });
      cells[column] = { text: character, style };
      column = Math.min(column + 1, COLUMNS);
    }
  };
  let from = 0;
  for (const match of line.matchAll(CONTROL)) {
    write(line.slice(from, match.index));
    from = match.index + match[0].length;
    const first = Number.parseInt(match[1] ?? '', 10);
    const n = Number.isNaN(first) ? 0 : first;
    if (match[0] === '\r') column = 0;
    else if (match[0] === '\b') column = Math.max(0, column - 1);
    else if (match[2] === 'm') style = applySgr(style, match[1] ?? '');
    else if (match[2] === 'C') column = Math.min(COLUMNS, column + (n || 1));
    else if (match[2] === 'D') column = Math.max(0, column - (n || 1));
    else if (match[2] === 'G') column = Math.min(COLUMNS, Math.max(0, (n || 1) - 1));
    else if (match[2] === 'K') erase(cells, column, n);
  }
  write(line.slice(from));
  const spans: Span[] = [];
  for (const cell of cells) add(spans, cell.text, cell.style);
  return spans;
}

/** Erases to the end (0), to the beginning (1), or all of the line (2). */
function erase(cells: Span[], column: number, how: number): void {
  if (how !== 1) cells.length = Math.min(cells.length, how === 2 ? 0 : column);
  else for (let at = 0; at <= column && at < cells.length; at += 1) cells[at] = { text: ' ', style: null };
}

function add(spans: Span[], text: string, style: Style | null): void {
  if (text === '') return;
  const last = spans.at(-1);
  if (last && sameStyle(last.style, style)) last.text += text;
  else spans.push({ text, style });
}

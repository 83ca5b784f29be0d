import { columnsOf } from '@kiln/protocol/columns.ts';

/** Control sequences as in ECMA-48: CSI with its parameters and final byte, strings such as titles, other escapes, and control characters. */
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|\x1b[\]PX^_][^\x07\x1b\n]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0b-\x1f\x7f]/g;
/** What moves the cursor within a line, or erases. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const MOVES = /[\r\x08]|\x1b\[[0-9;]*[CDGKP@X`ajJ]/;
/** A cursor is never moved further to the right: a line of a log is 64 KiB at most. */
const COLUMNS = 65_536;
const TAB = 8;
const BLANK = ' ';
const ESCAPE = 0x1b;
const RETURN = 0x0d;
const BACKSPACE = 0x08;

/** Whether lines of this text may look different from what they are. Looks at bytes: cheaper than any expression. */
export function hasControls(text: Buffer): boolean {
  return text.includes(ESCAPE) || text.includes(RETURN) || text.includes(BACKSPACE);
}

/** The text of any number of lines as people see it: the same lines, without control sequences and what was overwritten. */
export function visibleText(text: string): string {
  const lean = text.replace(/\r(?=\n|$)/g, '');
  if (!MOVES.test(lean)) return lean.replace(CONTROL, '');
  return lean
    .split('\n')
    .map((line) => (MOVES.test(line) ? play(line) : line.replace(CONTROL, '')))
    .join('\n');
}

/**
 * What a terminal shows of a line in which the cursor goes back: one cell a column, the second one of a wide character
 * empty. The dashboard draws lines by the same rules; a test compares the two.
 */
function play(line: string): string {
  const cells: string[] = [];
  let column = 0;
  let from = 0;
  for (const [all, parameters = '', final, place] of sequences(line)) {
    column = write(cells, column, line.slice(from, place));
    from = place + all.length;
    const n = Number.parseInt(parameters, 10) || 0;
    const many = Math.min(COLUMNS, Math.max(1, n));
    if (all === '\r') column = 0;
    else if (all === '\b') column = Math.max(0, column - 1);
    else if (final === 'C' || final === 'a') column = Math.min(COLUMNS, column + many);
    else if (final === 'D' || final === 'j') column = Math.max(0, column - many);
    else if (final === 'G' || final === '`') column = many - 1;
    else if (final === 'K' || final === 'J') erase(cells, column, n);
    else if (final === 'P') cells.splice(column, many);
    else if (final === 'X') cells.fill(BLANK, column, Math.min(cells.length, column + many));
    else if (final === '@' && column < cells.length) {
      cells.splice(column, 0, ...Array<string>(Math.min(many, COLUMNS - column)).fill(BLANK));
    }
  }
  write(cells, column, line.slice(from));
  return cells.join('');
}

function* sequences(line: string): Generator<[string, string | undefined, string | undefined, number]> {
  for (const match of line.matchAll(CONTROL)) yield [match[0], match[1], match[2], match.index];
}

/** Writes from a column on and returns the column behind. */
function write(cells: string[], begin: number, text: string): number {
  let column = begin;
  for (const character of text) {
    if (character === '\t') {
      column = Math.min(COLUMNS, (Math.floor(column / TAB) + 1) * TAB);
      continue;
    }
    const columns = columnsOf(character);
    if (columns === 0) {
      if (cells[column - 1] !== undefined) cells[column - 1] += character;
      continue;
    }
    while (cells.length < column) cells.push(BLANK);
    cells[column] = character;
    if (columns === 2) cells[column + 1] = '';
    column = Math.min(column + columns, COLUMNS);
  }
  return column;
}

/** Erases to the end (0), to the beginning (1), or all of the line. */
function erase(cells: string[], column: number, how: number): void {
  if (how !== 1) cells.length = Math.min(cells.length, how === 0 ? column : 0);
  else cells.fill(BLANK, 0, Math.min(cells.length, column + 1));
}

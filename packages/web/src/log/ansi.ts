import { columnsOf } from '@kiln/protocol/columns.ts';
import { applySgr, type Style, sameStyle } from './sgr.ts';

/** A stretch of text in one style; the style is null for plain text. `href` where it is a link. */
export interface Span {
  text: string;
  style: Style | null;
  href?: string;
}

/**
 * Everything that is not plain text: CSI sequences, OSC and other strings up to their end, other escapes, and control
 * characters. The groups are the parameters and the final byte of a CSI sequence, and the address of a link (OSC 8).
 */
const CONTROL =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  /\x1b\[([0-9;:?<=>]*)[ -/]*([@-~])|\x1b\]8;[^\x07\x1b;]*;([^\x07\x1b]*)(?:\x07|\x1b\\)?|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]?|[\x00-\x08\x0a-\x1f\x7f]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same, to see at once that a line is plain
const ANY = /[\x00-\x08\x0a-\x1f\x7f]/;
/** What moves the cursor back or erases: the line must be played as a terminal would. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the same
const MOVES = /[\r\x08]|\x1b\[[0-9;]*[CDGKP@X`ajJ]/;
/** A cursor is never moved further than this to the right: a line of the log is 64 KiB at most. */
const COLUMNS = 65_536;
const TAB = 8;

/** What a terminal would show of one line: colours, links, and what was overwritten after a carriage return. */
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

/** The address of an OSC 8 link when it is one that a log may lead to: another site by http or https. */
function safeLink(address: string | undefined): string | undefined {
  return address !== undefined && /^https?:\/\/[^\s]+$/i.test(address) && URL.canParse(address) ? address : undefined;
}

/** A line whose cursor only ever goes forward. */
function paint(line: string): Span[] {
  const spans: Span[] = [];
  let style: Style | null = null;
  let href: string | undefined;
  let from = 0;
  for (const match of line.matchAll(CONTROL)) {
    add(spans, line.slice(from, match.index), style, href);
    from = match.index + match[0].length;
    if (match[2] === 'm') style = applySgr(style, match[1] ?? '');
    else if (match[3] !== undefined) href = safeLink(match[3]);
  }
  add(spans, line.slice(from), style, href);
  return spans;
}

/** One column of a terminal. A character of two columns leaves the second one empty. */
interface Cell {
  text: string;
  style: Style | null;
  href?: string | undefined;
}

const BLANK: Cell = { text: ' ', style: null };

/** A line that overwrites itself: one cell a column, then put together again. */
function play(line: string): Span[] {
  const cells: Cell[] = [];
  let style: Style | null = null;
  let href: string | undefined;
  let column = 0;
  const write = (text: string) => {
    for (const character of text) {
      if (character === '\t') {
        column = Math.min(COLUMNS, (Math.floor(column / TAB) + 1) * TAB);
        continue;
      }
      const columns = columnsOf(character);
      const before = cells[column - 1];
      if (columns === 0) {
        if (before) cells[column - 1] = { ...before, text: before.text + character };
        continue;
      }
      while (cells.length < column) cells.push(BLANK);
      cells[column] = { text: character, style, href };
      if (columns === 2) cells[column + 1] = { text: '', style, href };
      column = Math.min(column + columns, COLUMNS);
    }
  };
  let from = 0;
  for (const match of line.matchAll(CONTROL)) {
    write(line.slice(from, match.index));
    from = match.index + match[0].length;
    const [all, parameters = '', final, link] = match;
    const n = Number.parseInt(parameters, 10) || 0;
    const many = Math.min(COLUMNS, Math.max(1, n));
    if (all === '\r') column = 0;
    else if (all === '\b') column = Math.max(0, column - 1);
    else if (link !== undefined) href = safeLink(link);
    else if (final === 'm') style = applySgr(style, parameters);
    else if (final === 'C' || final === 'a') column = Math.min(COLUMNS, column + many);
    else if (final === 'D' || final === 'j') column = Math.max(0, column - many);
    else if (final === 'G' || final === '`') column = many - 1;
    else if (final === 'K' || final === 'J') erase(cells, column, n);
    else if (final === 'P') cells.splice(column, many);
    else if (final === 'X')
      for (let at = column; at < Math.min(cells.length, column + many); at += 1) cells[at] = BLANK;
    else if (final === '@' && column < cells.length) {
      cells.splice(column, 0, ...Array<Cell>(Math.min(many, COLUMNS - column)).fill(BLANK));
    }
  }
  write(line.slice(from));
  const spans: Span[] = [];
  for (const cell of cells) add(spans, cell.text, cell.style, cell.href);
  return spans;
}

/** Erases to the end (0), to the beginning (1), or all of the line (2). */
function erase(cells: Cell[], column: number, how: number): void {
  if (how !== 1) cells.length = Math.min(cells.length, how === 0 ? column : 0);
  else for (let at = 0; at <= column && at < cells.length; at += 1) cells[at] = BLANK;
}

function add(spans: Span[], text: string, style: Style | null, href: string | undefined): void {
  if (text === '') return;
  const last = spans.at(-1);
  if (last && sameStyle(last.style, style) && last.href === href) last.text += text;
  else spans.push(href === undefined ? { text, style } : { text, style, href });
}

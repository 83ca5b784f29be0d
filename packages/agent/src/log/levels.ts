import { LOG_LEVELS } from '@kiln/protocol/states.ts';

const INFO = LOG_LEVELS.indexOf('INFO');
const WARN = LOG_LEVELS.indexOf('WARN');
const ERROR = LOG_LEVELS.indexOf('ERROR');

/** Lines in a row that have one level, an index into LOG_LEVELS. */
export interface LevelStretch {
  lines: number;
  level: number;
}

export interface Levels {
  stretches: LevelStretch[];
  lines: number;
  /** The first line that is an error: which one it is, from 0, and its text. */
  firstError: { index: number; text: string } | null;
}

/**
 * Anything that could make a line an error or a warning. Nearly all output holds none of it, and then one pass of this
 * expression (0.5 ns a byte) is all the work; only lines that hold it are looked at by themselves. Every alternative has
 * to name its first character: with `^` in place of the newline the pass takes five times as long.
 */
const SUSPECT =
  /[eE]rror|ERR|arning|WARN|warn|[fF]atal|FATAL|CRITICAL|Traceback|panic:|FAIL|[eE]xception|\*\*\* |undefined ref|not found|Segmentation|\n[EW]: /g;
const SUSPECT_START = /^[EW]: /;

/** Up to three words that end with a colon, as in `src/main.c:3:5: `, `/usr/bin/ld: main.o: `, or `src/a.ts(3,5): `. */
const PLACE = '(?:\\S+: ){0,3}';
const TIMED = '(?:\\S*\\d\\d:\\d\\d:\\d\\d\\S* +)?';

const ERROR_LINE = new RegExp(
  [
    `^\\s*${PLACE}(?:[fF]atal )?(?:[eE]rror|ERROR|[fF]atal|FATAL|[pP]anic)(?:\\[\\w+\\]| [A-Z]+\\d+)?:`,
    `^${TIMED}\\[?(?:ERROR|FATAL|CRITICAL)\\b`,
    '^(?:\\w+\\.)*\\w*(?:Error|Exception): ',
    '^(?:Exception in thread |Traceback \\(most recent call last\\)|CMake Error|npm (?:ERR!|error)|E: |FAIL(?:ED)?\\b|--- FAIL)',
    `^${PLACE}\\*\\*\\* [A-Z[]`,
    'undefined reference to ',
    '^.*:(?: line)? ?\\d+: .*: (?:command )?not found$',
    '\\bSegmentation fault\\b',
    '\\blevel=(?:error|fatal)\\b|"level":"(?:error|fatal)"',
  ].join('|'),
);

const WARN_LINE = new RegExp(
  [
    `^\\s*${PLACE}(?:[wW]arning|WARNING)(?:\\[\\w+\\]| [A-Z]+\\d+)?:`,
    `^${TIMED}\\[?WARN(?:ING)?\\b`,
    '^(?:CMake Warning|npm (?:WARN|warn)|W: )',
    '\\blevel=warn(?:ing)?\\b|"level":"warn(?:ing)?"',
  ].join('|'),
);

/** As much of a line as is looked at. */
const LOOK = 1000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: colours in output are control characters
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;

/** The level of one line without its newline, as an index into LOG_LEVELS. */
export function levelOf(line: string): number {
  const start = line.slice(0, LOOK);
  const plain = start.includes('\u001b') ? start.replace(ANSI, '') : start;
  if (ERROR_LINE.test(plain)) return ERROR;
  return WARN_LINE.test(plain) ? WARN : INFO;
}

/** The levels of a block of whole lines, given as its bytes and as the same bytes in latin1. */
export function levelsOf(block: Buffer, text: string): Levels {
  const stretches: LevelStretch[] = [];
  let firstError: Levels['firstError'] = null;
  let lines = 0;
  const add = (count: number, level: number) => {
    if (count === 0) return;
    lines += count;
    const last = stretches.at(-1);
    if (last?.level === level) last.lines += count;
    else stretches.push({ lines: count, level });
  };
  let counted = 0;
  for (let at = suspectFrom(text, -1); at !== -1; ) {
    const start = at === 0 ? 0 : text.lastIndexOf('\n', at - 1) + 1;
    const end = text.indexOf('\n', at) + 1 || text.length;
    const line = text.slice(start, end - 1);
    const level = levelOf(line);
    if (level !== INFO) {
      add(countLines(block, counted, start), INFO);
      if (level === ERROR) firstError ??= { index: lines, text: line };
      add(1, level);
      counted = end;
    }
    at = suspectFrom(text, end - 1);
  }
  add(countLines(block, counted, block.length), INFO);
  return { stretches, lines, firstError };
}

/** The first place after the newline at `newline` (-1: from the start) that makes its line a suspect; -1: none. */
function suspectFrom(text: string, newline: number): number {
  if (newline === -1 && SUSPECT_START.test(text)) return 0;
  SUSPECT.lastIndex = Math.max(0, newline);
  const match = SUSPECT.exec(text);
  if (!match) return -1;
  return match[0].startsWith('\n') ? match.index + 1 : match.index;
}

function countLines(block: Buffer, from: number, to: number): number {
  let count = 0;
  for (let at = block.indexOf(10, from); at !== -1 && at < to; at = block.indexOf(10, at + 1)) count++;
  return count;
}

import { HttpError } from '@kiln/service/http.ts';
import { foldCase } from './fold-case.ts';

/** What a search looks for, ready for a worker. */
export interface SearchPattern {
  source: string;
  flags: string;
  /**
   * Whether each line must be looked at alone: the expression looks around, so text of other lines might change what it
   * finds. All others run over the text of a whole frame, several times as fast.
   */
  lineByLine: boolean;
}

export interface SearchWords {
  q: string;
  mode: 'text' | 'regex';
  /** Null: case matters when `q` has an upper-case letter. */
  case: 'ignore' | 'match' | null;
}

const LOOKS_AROUND = /\(\?<?[=!]/;
/** What only V8's backtracking engine can do anyway, so that it may get the flag `i` as well. */
const BACKTRACKS = /\\[1-9]|\\k<|\(\?<?[=!]|\(\?[a-z]*-?[a-z]*:/;
const CODE_POINTS = /\\[pP]\{|\\u\{|[\u{10000}-\u{10ffff}]/u;

/** Compiles what a person typed. Throws 400 `bad_pattern` with V8's words when it is no regular expression. */
export function searchPattern(words: SearchWords): SearchPattern {
  const isText = words.mode === 'text';
  const source = isText ? words.q.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&') : words.q;
  const unicode = CODE_POINTS.test(source) ? 'u' : '';
  check(source, `gm${unicode}`);
  const lineByLine = !isText && LOOKS_AROUND.test(source);
  const ignoresCase = (words.case ?? (hasUpperCase(words) ? 'match' : 'ignore')) === 'ignore';
  if (!ignoresCase) return { source, flags: `gm${unicode}`, lineByLine };
  if (unicode !== '' || (!isText && BACKTRACKS.test(source))) return { source, flags: `gim${unicode}`, lineByLine };
  return { source: foldCase(source), flags: 'gm', lineByLine };
}

/** Whether there is an upper-case letter that is meant as one: not the S of `\S`. */
function hasUpperCase({ q, mode }: SearchWords): boolean {
  return /\p{Lu}/u.test(mode === 'text' ? q : q.replace(/\\(?:[pPk][{<][^}>]*[}>]|.)/gs, ''));
}

function check(source: string, flags: string): void {
  try {
    new RegExp(source, flags);
  } catch (error) {
    throw new HttpError('bad_pattern', error instanceof Error ? error.message : String(error));
  }
}

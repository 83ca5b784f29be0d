/**
 * One order for the versions of every upstream, whatever scheme it follows. No imports: the dashboard bundles this file.
 *
 * - Numbers compare as numbers of any length: 1.9 < 1.10. Letters come before numbers and after nothing:
 *   1.1.1 < 1.1.1w < 1.1.2.
 * - A dash opens a revision, which only counts when all before it is equal: 1.27.0 < 1.27.0-1 < 1.27.0-2 < 1.27.0.1-1.
 *   A plus comes after that: 1.0-1 < 1.0+dfsg-1.
 * - A tilde makes a version lower than what stands before it (1.0~git3 < 1.0), and so do the words dev, snapshot, alpha,
 *   beta, pre, preview and rc, in this order: 1.0-alpha.2 < 1.0b1 < 1.0-rc.1 < 1.0. A single a or b between digits is
 *   short for alpha and beta.
 * - A `v` in front, upper and lower case, leading zeros and the kind of separator make no difference; a number before a
 *   colon is an epoch: 2.0 < 1:1.0.
 */

/** A number below 0 when `a` is the lower version, above 0 when it is the higher one, 0 when they are the same. Never throws. */
export function compareVersions(a: string, b: string): number {
  const left = tokens(a);
  const right = tokens(b);
  for (let i = 0; i < Math.max(left.length, right.length); i++) {
    const difference = compareTokens(left[i] ?? END, right[i] ?? END);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Whether a text may be the version of something built: it goes into file names, addresses and the environment. */
export function isVersion(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+~:-]{0,127}$/.test(text);
}

/** Lowest first. The end of a version is a token of its own, so that a longer one can be lower as well as higher. */
const RANK = { tilde: 0, prerelease: 1, end: 2, dash: 3, plus: 4, letters: 5, number: 6 } as const;

interface Token {
  rank: number;
  /** Digits without leading zeros, or lower-case letters, or nothing. */
  text: string;
}

const END: Token = { rank: RANK.end, text: '' };

/** Each word with its place in the order; words of one place are the same. */
const PRERELEASE: Readonly<Record<string, string>> = {
  dev: '0',
  snapshot: '0',
  alpha: '1',
  beta: '2',
  pre: '3',
  preview: '3',
  rc: '4',
};

function tokens(version: string): Token[] {
  const [, epoch = '0', rest = ''] = /^(?:(\d+):)?v?(.*)$/is.exec(version) ?? [];
  const parts = rest
    .toLowerCase()
    .replace(/(?<=\d)([ab])(?=\d)/g, (letter) => (letter === 'a' ? 'alpha' : 'beta'))
    .match(/\d+|\p{L}+|[~+-]/gu);
  const found = (parts ?? []).map(tokenOf);
  return [tokenOf(epoch), ...found.filter((token, i) => !isOnlySeparator(token, found[i + 1]))];
}

function tokenOf(part: string): Token {
  if (part === '~') return { rank: RANK.tilde, text: '' };
  if (part === '-') return { rank: RANK.dash, text: '' };
  if (part === '+') return { rank: RANK.plus, text: '' };
  if (/^\d/.test(part)) return { rank: RANK.number, text: part.replace(/^0+(?=\d)/, '') };
  const place = Object.hasOwn(PRERELEASE, part) ? PRERELEASE[part] : undefined;
  return place === undefined ? { rank: RANK.letters, text: part } : { rank: RANK.prerelease, text: place };
}

/** In 1.0-rc1 and 1.0~rc1 the word says it all, so both are the same as 1.0rc1. */
function isOnlySeparator(token: Token, next: Token | undefined): boolean {
  return next?.rank === RANK.prerelease && (token.rank === RANK.dash || token.rank === RANK.tilde);
}

function compareTokens(a: Token, b: Token): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  if (a.rank === RANK.number && a.text.length !== b.text.length) return a.text.length - b.text.length;
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}

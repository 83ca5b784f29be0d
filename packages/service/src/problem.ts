import { relative } from 'node:path';
import { distance } from 'fastest-levenshtein';

/** A mistake in a file that a person wrote. Lines and columns count from 1; null where they can't be told. */
export interface Problem {
  file: string;
  line: number | null;
  column: number | null;
  /** The key it is about, such as `jobs.test.steps[0].run`; empty for the whole file. */
  path: string;
  message: string;
  /** What to do about it. */
  fix?: string;
}

/** `file:line:column message; fix`, the form that editors and terminals make a link of. */
export function formatProblem(problem: Problem): string {
  const place = [problem.file, problem.line, problem.column].filter((part) => part !== null).join(':');
  return `${place} ${problem.message}${problem.fix ? `; ${problem.fix}` : ''}`;
}

/** In the order of the file. */
export function byPlace(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** A file as the reader of a message can open it: relative where it lies below the current folder, else absolute. */
export function displayPath(file: string): string {
  const near = relative(process.cwd(), file);
  return near.startsWith('..') || near === '' ? file : near;
}

export type Path = readonly (string | number)[];

/** A path as people write it: `jobs.test.steps[0].run`; keys with other characters are quoted. */
export function formatPath(path: Path): string {
  return path
    .map((part) =>
      typeof part === 'number' ? `[${part}]` : /^[\w$-]+$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`,
    )
    .join('')
    .replace(/^\./, '');
}

/** The candidate most like `word`, or null when none is near enough to be meant. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const limit = word.length < 4 ? 1 : Math.max(2, Math.floor(word.length / 3));
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const candidate of candidates) {
    const away = distanceOf(word.toLowerCase(), candidate.toLowerCase());
    if (away < bestDistance && away < Math.max(word.length, candidate.length)) {
      best = candidate;
      bestDistance = away;
    }
  }
  return best;
}

/** Letters in another order are one slip, not two. */
function distanceOf(a: string, b: string): number {
  const sorted = (text: string) => [...text].sort().join('');
  return a !== b && sorted(a) === sorted(b) ? 1 : distance(a, b);
}

/** `did you mean "x"?`, or else the whole choice when it is short enough to help. */
export function suggestion(word: string, candidates: readonly string[]): string | undefined {
  const near = nearest(word, candidates);
  if (near !== null) return `did you mean "${near}"?`;
  return candidates.length > 0 && candidates.length <= 30 ? `known are ${candidates.join(', ')}` : undefined;
}

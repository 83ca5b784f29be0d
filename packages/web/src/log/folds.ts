import type { Group } from './groups.ts';

/** Which groups are folded: all that ended well (`done`), and those whose keys are named; `opened` ones are not. */
export interface Folds {
  done: boolean;
  folded: ReadonlySet<string>;
  opened: ReadonlySet<string>;
}

const NONE: Folds = { done: false, folded: new Set(), opened: new Set() };

/** Reads `done,0,1.2,-3`, as the address writes it; null when the address says nothing. */
export function parseFolds(text: string | undefined): Folds | null {
  if (text === undefined) return null;
  const folded = new Set<string>();
  const opened = new Set<string>();
  let done = false;
  for (const part of text.split(',')) {
    if (part === 'done') done = true;
    const match = /^(-?)(\d{1,5}(?:\.\d{1,5})?)$/.exec(part);
    if (match?.[2]) (match[1] ? opened : folded).add(match[2]);
  }
  return { done, folded, opened };
}

/** The folds as the address writes them; `none` where nothing is folded. */
export function formatFolds({ done, folded, opened }: Folds): string {
  const parts = [...(done ? ['done'] : []), ...folded, ...(done ? [...opened].map((key) => `-${key}`) : [])];
  return parts.length === 0 ? 'none' : parts.join(',');
}

/** Whether a group is folded. */
export function isFolded({ done, folded, opened }: Folds, group: Group): boolean {
  if (group.first === group.last) return false;
  return folded.has(group.key) || (done && group.state === 'completed' && !opened.has(group.key));
}

/** The folds with these groups folded, or open. */
export function withFold(folds: Folds, groups: readonly Group[], fold: boolean): Folds {
  const folded = new Set(folds.folded);
  const opened = new Set(folds.opened);
  for (const { key } of groups) {
    if (fold) {
      opened.delete(key);
      folded.add(key);
    } else {
      folded.delete(key);
      opened.add(key);
    }
  }
  return { done: folds.done, folded, opened };
}

/** All groups that ended well folded, or nothing. */
export function foldDone(done: boolean): Folds {
  return { ...NONE, done };
}

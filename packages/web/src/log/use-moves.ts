import { useEffect, useRef, useState } from 'react';
import { tell, tellFailure } from '../parts/tell.tsx';
import { type Folds, withFold } from './folds.ts';
import { type Group, groupsAt } from './groups.ts';
import { issueAfter, issueBefore, lineOfTime } from './issues.ts';
import { hitFrom, type LogSearch } from './log-search.ts';
import type { Outline } from './outline.ts';
import type { Rows } from './rows.ts';
import type { LogOf } from './use-log.ts';
import type { LogAddress } from './use-log-address.ts';
import type { useViewport } from './use-viewport.ts';

/** What the ways through a log depend on. */
interface Shown {
  log: LogOf;
  lines: number;
  rows: Rows;
  groups: readonly Group[];
  folds: Folds;
  isFolded: (group: Group) => boolean;
  setFolds: (folds: Folds) => void;
  outline: Outline;
  search: LogSearch | null;
  narrowed: boolean;
  address: LogAddress;
  viewport: ReturnType<typeof useViewport>;
}

/** The ways through a log: to a line wherever it is, from hit to hit, from warning to error, to a moment. */
export function useMoves(shown: Shown) {
  const { log, lines, rows, groups, folds, isFolded, setFolds, outline, search, narrowed, address, viewport } = shown;
  /** The line that was last gone to; where one is while it is in view. */
  const at = useRef<number | null>(null);
  const [hit, setHit] = useState<number | null>(null);

  /** Shows a line: opens the groups that hide it. Where only some lines are shown, the nearest one of them. */
  const show = (line: number, y?: number) => {
    const target = Math.min(Math.max(1, line), Math.max(1, lines));
    const closed = groupsAt(groups, target).filter((group) => isFolded(group) && target > group.first);
    if (closed.length > 0) setFolds(withFold(folds, closed, false));
    at.current = target;
    viewport.toLine(target, y);
  };
  /** Shows a line, and all lines when a filter hides it. */
  const go = (line: number, y?: number) => {
    if (narrowed && !rows.has(line)) {
      address.patch({ level: undefined, component: undefined, phase: undefined, only: undefined });
    }
    show(line, y);
  };
  const here = () =>
    at.current !== null && isInView(viewport.scroller.current, at.current) ? at.current : viewport.topLine;

  const goIssue = async (way: 1 | -1) => {
    try {
      const line = await (way === 1 ? issueAfter : issueBefore)(log, outline, here());
      if (line === null) tell(`No ${way === 1 ? 'further' : 'earlier'} warning or error`);
      else go(line);
    } catch (error) {
      tellFailure('The next warning or error could not be found', error);
    }
  };
  const goTime = async (time: number) => {
    const line = await lineOfTime(log, time);
    if (line === null) viewport.toEnd();
    else go(line);
  };

  const goHit = (line: number | undefined) => {
    if (line === undefined) return;
    setHit(line);
    go(line);
  };
  const nextHit = async () => {
    if (!search) return;
    const index = hit === null ? hitFrom(search.lines, viewport.topLine) : hitFrom(search.lines, hit + 1);
    if (index >= search.lines.length && search.hasMore) await search.run();
    goHit(search.lines[index] ?? search.lines[0]);
  };
  const previousHit = () => {
    if (!search) return;
    const index = hitFrom(search.lines, hit ?? viewport.topLine) - 1;
    goHit(search.lines[index] ?? search.lines.at(-1));
  };

  // A search that was typed shows its first hit from where one was, as soon as that is known.
  const begun = useRef<{ search: LogSearch | null; from: number }>({ search, from: 1 });
  if (begun.current.search !== search) begun.current = { search, from: viewport.topLine };
  // Whoever follows a link to a line wants that line, whatever the link searches.
  const mayJump = useRef(search === null || address.selection === null);
  const waits = search !== null && search.query.text !== '' && !narrowed && begun.current.search === search;
  const found = waits ? search.lines[hitFrom(search.lines, begun.current.from)] : undefined;
  const first = found ?? (waits && !search.running ? search.lines[0] : undefined);
  const jumped = useRef<LogSearch | null>(null);
  useEffect(() => {
    if (first === undefined || jumped.current === search) return;
    jumped.current = search;
    if (mayJump.current) goHit(first);
    mayJump.current = true;
  });

  const hitIndex = hit !== null && search?.hit(hit) ? hitFrom(search.lines, hit) + 1 : 0;
  return {
    go,
    show,
    goIssue,
    goTime,
    nextHit,
    previousHit,
    /** Line of the hit that one is at, and its number from 1. */
    hit: hitIndex > 0 ? hit : null,
    hitIndex,
  };
}

/** Whether the whole line is seen. */
export function isInView(scroller: HTMLElement | null, line: number): boolean {
  const row = scroller?.querySelector(`[data-row="${line}"]`);
  if (!scroller || !row) return false;
  const view = scroller.getBoundingClientRect();
  const at = row.getBoundingClientRect();
  return at.top >= view.top && at.bottom <= view.bottom;
}

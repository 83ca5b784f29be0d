import { useEffect, useLayoutEffect, useRef } from 'react';
import { type AttemptPlace, leavePlace, lineOfPlace, placeOf, takePlace } from './attempt-place.ts';
import type { Group } from './groups.ts';
import { onLineAsked } from './jumps.ts';
import type { LogOf } from './use-log.ts';
import { isInView } from './use-moves.ts';

/**
 * Where a log opens: at the line that the address names, else where somebody was in another attempt of the job, else at the
 * cause of the failure. Goes on to what the address names later, and to lines that are asked for elsewhere on the page.
 */
export function useOpening(options: {
  log: LogOf;
  lines: number;
  groups: readonly Group[];
  outlined: boolean;
  selected: number | null;
  cause: number | null;
  measured: boolean;
  topLine: number;
  scroller: HTMLElement | null;
  isHidden: (line: number) => boolean;
  /** Shows a line as far as the address lets it. */
  show: (line: number) => void;
  /** Shows a line whatever hides it. */
  go: (line: number) => void;
}): { onMoved: () => void } {
  const { log, lines, groups, outlined, selected, cause, measured, topLine, scroller, isHidden, show, go } = options;
  const left = useRef<AttemptPlace | null>(null);
  const moved = useRef(false);
  const wentTo = useRef<number | null>(null);
  /** It opened before it was known which groups hide what. */
  const early = useRef(false);
  const latest = useRef({ groups, topLine });
  latest.current = { groups, topLine };

  useLayoutEffect(
    () => () => {
      const { groups, topLine } = latest.current;
      leavePlace(log.jobId, log.attempt, moved.current ? placeOf(groups, topLine) : null);
    },
    [log.jobId, log.attempt],
  );
  useEffect(() => {
    left.current = takePlace(log.jobId, log.attempt);
  }, [log.jobId, log.attempt]);

  useEffect(() => {
    if (!measured || lines === 0) return;
    if (selected === null && left.current) {
      if (!outlined) return;
      const line = lineOfPlace(groups, left.current);
      left.current = null;
      moved.current = true;
      wentTo.current = cause;
      if (line !== null) return show(line);
    }
    const target = selected ?? cause;
    if (target === null || target > lines) return;
    if (wentTo.current === target) {
      if (early.current && outlined && !moved.current && isHidden(target)) show(target);
      if (outlined) early.current = false;
      return;
    }
    const first = wentTo.current === null;
    wentTo.current = target;
    early.current = !outlined;
    if (first) show(target);
    else if (!isInView(scroller, target)) go(target);
  });

  useEffect(() =>
    onLineAsked((jobId, line) => {
      if (jobId !== log.jobId) return;
      wentTo.current = line;
      go(line);
    }),
  );
  return {
    /** Somebody scrolled, clicked or typed here: another attempt shall open at the same place. */
    onMoved: () => {
      moved.current = true;
    },
  };
}

import { type RefObject, useEffect, useMemo, useRef } from 'react';
import { ROW_HEIGHT } from './window.ts';

/** Corrections on the way to a line. */
const MOST_TRIES = 8;

/**
 * Where lines are of different heights, the way to one is found in steps: look where it came to be, correct, look again,
 * until it is in the middle of the view. Ends at once when somebody else scrolls.
 */
export function useAim(scroller: RefObject<HTMLElement | null>) {
  const aim = useRef<{ line: number; tries: number; top: number } | null>(null);

  useEffect(() => {
    const element = scroller.current;
    const now = aim.current;
    if (!element || !now) return;
    if (Math.abs(element.scrollTop - now.top) > 1) {
      // Its event has not come yet.
      aim.current = null;
      return;
    }
    const row = element.querySelector<HTMLElement>(`[data-row="${now.line}"]`);
    const box = row?.parentElement;
    if (!row || !box) return;
    const off = centreOf(row) - centreOf(element);
    const before = element.scrollTop;
    const stretch = box.offsetHeight / (box.childElementCount * ROW_HEIGHT);
    if (Math.abs(off) > ROW_HEIGHT && now.tries > 0) element.scrollTop = before + off / stretch;
    const moved = element.scrollTop !== before;
    // Lines that are still on their way will be of other heights.
    const settled = !moved && box.querySelector('[data-ghost]') === null;
    aim.current = settled ? null : { line: now.line, tries: now.tries - (moved ? 1 : 0), top: element.scrollTop };
  });

  return useMemo(
    () => ({
      /** Begins, from where the view is now. */
      at: (line: number) => {
        aim.current = { line, tries: MOST_TRIES, top: scroller.current?.scrollTop ?? 0 };
      },
      /** The view was scrolled to here, by this or by somebody. */
      scrolled: (top: number) => {
        if (aim.current && Math.abs(aim.current.top - top) > 1) aim.current = null;
      },
      end: () => {
        aim.current = null;
      },
    }),
    [scroller],
  );
}

function centreOf(element: Element): number {
  const { top, height } = element.getBoundingClientRect();
  return top + height / 2;
}

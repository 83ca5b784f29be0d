import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import { placeInBox, seenInBox } from './box.ts';
import type { Rows } from './rows.ts';
import {
  type Anchor,
  anchorAtRow,
  anchorAtScroll,
  isExact,
  lastRows,
  ROW_HEIGHT,
  renderedRows,
  scrollHeightOf,
  scrollTopOf,
  settled,
  topRow,
} from './viewport.ts';

/** Nearer than this to the end counts as at the end. */
const END_PX = 6;
/** A scroll by more than so many views is a way, not a step. */
const STEP_VIEWS = 1.5;
/** After so long without a scroll the scroll bar is put where the view is. */
const IDLE_MS = 150;

/**
 * The scrolling of a log: which rows are on the screen, and whether the view keeps to the end as lines come. Scrolling
 * up leaves the end, scrolling to it (or `toEnd`) comes back. See viewport.ts for what is kept.
 */
export function useViewport(rows: Rows, options: { wrapped: boolean; startAtEnd: boolean }) {
  const { wrapped, startAtEnd } = options;
  const scroller = useRef<HTMLDivElement>(null);
  const box = useRef<HTMLDivElement>(null);
  /** Null: the end is kept in view. */
  const [anchor, setAnchor] = useState<Anchor | null>(startAtEnd ? null : { line: 1, y: 0 });
  const [viewHeight, setViewHeight] = useState(0);
  const [, setSyncs] = useState(0);
  /** The `scrollTop` that was taken account of; another one has an event on its way. */
  const seen = useRef(0);
  const boxTop = useRef(0);
  const mustSync = useRef(false);
  /** Somebody asked for the anchor: a scroll event on its way, such as of a panel that changed its height, is overtaken. */
  const mustGo = useRef(false);
  const before = useRef(0);

  const exact = isExact(rows.count, wrapped);
  const kept = anchor === null ? null : wrapped ? anchor : settled(anchor, viewHeight, rows);
  const { first, last } = kept ? renderedRows(kept, viewHeight, rows) : lastRows(viewHeight, rows);
  const latest = useRef({ rows, wrapped, exact, viewHeight, kept });
  latest.current = { rows, wrapped, exact, viewHeight, kept };

  useLayoutEffect(() => {
    const element = scroller.current;
    if (!element) return;
    // What is scrolled became lower: a browser that moved the view to its end for that did not mean it.
    const shrank = rows.count < before.current;
    before.current = rows.count;
    if (kept === null) {
      element.scrollTop = element.scrollHeight;
      seen.current = element.scrollTop;
    } else if (shrank || mustGo.current || (element.scrollTop === seen.current && (exact || mustSync.current))) {
      const visible = box.current?.offsetHeight
        ? (viewHeight * (last - first + 1)) / box.current.offsetHeight
        : undefined;
      const wanted = scrollTopOf(kept, viewHeight, rows, wrapped ? visible : undefined);
      if (Math.abs(element.scrollTop - wanted) > 1) element.scrollTop = wanted;
      seen.current = element.scrollTop;
      mustSync.current = false;
    }
    mustGo.current = false;
    if (!box.current) return;
    boxTop.current =
      exact && kept
        ? first * ROW_HEIGHT
        : placeInBox(box.current, kept, seen.current, viewHeight, { first, last, count: rows.count });
    box.current.style.transform = `translateY(${boxTop.current}px)`;
  });

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setViewHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let dragging = false;
    const inBox = () => box.current && seenInBox(box.current, boxTop.current, element.scrollTop);
    const sync = () => {
      if (dragging) return;
      mustSync.current = true;
      setSyncs((count) => count + 1);
    };
    const onScroll = () => {
      const now = element.scrollTop;
      const by = now - seen.current;
      if (by === 0) return;
      const { rows, wrapped, exact, viewHeight, kept } = latest.current;
      const most = element.scrollHeight - element.clientHeight;
      seen.current = now;
      const isStep = !dragging && Math.abs(by) <= viewHeight * STEP_VIEWS;
      const next = (!exact && isStep && inBox()) || anchorAtScroll(now, viewHeight, rows, wrapped);
      const ends = box.current ? boxTop.current + box.current.offsetHeight - now <= viewHeight + END_PX : false;
      const showsLast = latest.current.rows.count - 1 <= lastRendered(box.current, rows);
      const atEnd = exact || !isStep ? now >= most - END_PX : ends && showsLast;
      if (kept === null) {
        if (by < 0 && !atEnd) setAnchor(next);
      } else setAnchor(atEnd && by > 0 ? null : next);
      if (exact) return;
      clearTimeout(timer);
      if (isStep && (now < viewHeight || now > most - viewHeight)) sync();
      else timer = setTimeout(sync, IDLE_MS);
    };
    // A wheel turned up leaves the end even when new lines would scroll on before the scroll event comes.
    const onWheel = ({ deltaY }: WheelEvent) => {
      if (deltaY >= 0 || latest.current.kept !== null || element.scrollHeight <= element.clientHeight) return;
      const now = inBox();
      if (now) setAnchor(now);
    };
    const onPointerDown = ({ target, offsetX }: PointerEvent) => {
      dragging = target === element && offsetX >= element.clientWidth;
    };
    const onPointerMove = ({ buttons }: PointerEvent) => {
      if (!dragging || buttons !== 0) return;
      dragging = false;
      if (!latest.current.exact) sync();
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    element.addEventListener('wheel', onWheel, { passive: true });
    element.addEventListener('pointerdown', onPointerDown);
    window.addEventListener('pointermove', onPointerMove);
    return () => {
      clearTimeout(timer);
      element.removeEventListener('scroll', onScroll);
      element.removeEventListener('wheel', onWheel);
      element.removeEventListener('pointerdown', onPointerDown);
      window.removeEventListener('pointermove', onPointerMove);
    };
  }, []);

  const goTo = (next: Anchor) => {
    mustGo.current = true;
    setAnchor(next);
  };
  const top = kept ? topRow(kept, rows) : rows.count - viewHeight / ROW_HEIGHT;
  return {
    scroller,
    box,
    first,
    last,
    viewHeight,
    height: scrollHeightOf(rows.count),
    following: anchor === null,
    /** Rows above the view, about where lines are wrapped. */
    top: Math.max(0, top),
    /** The first line in view, about where lines are wrapped. */
    topLine: rows.lineAt(Math.max(0, Math.floor(top + 0.01))),
    toEnd: () => setAnchor(null),
    /** Leaves the end: new lines come below the view. */
    pause: () => {
      const now = box.current && seenInBox(box.current, boxTop.current, seen.current);
      setAnchor(now ?? anchorAtRow(rows.count, viewHeight, rows));
    },
    toStart: () => goTo({ line: 1, y: 0 }),
    /** Puts a line into the middle of the view, as near as it goes; or its top so far below the top of the view. */
    toLine: (line: number, y?: number) => goTo({ line, y: y ?? Math.max(0, viewHeight / 2 - ROW_HEIGHT / 2) }),
    /** Puts the row that is a part (0 to 1) of the way through the log into the middle of the view. */
    toPart: (part: number) => goTo(anchorAtRow(part * rows.count - viewHeight / ROW_HEIGHT / 2, viewHeight, rows)),
    /** Keeps a line where it is while rows above it come or go. */
    hold: (line: number) => {
      const at = box.current?.querySelector<HTMLElement>(`[data-row="${line}"]`);
      if (at) goTo({ line, y: boxTop.current + at.offsetTop - seen.current });
    },
    /** Stays with what is in view when rows are about to be of other heights. */
    rest: () => {
      const now = kept && box.current && seenInBox(box.current, boxTop.current, seen.current);
      if (now) goTo(now);
    },
  };
}

function lastRendered(box: HTMLElement | null, rows: Rows): number {
  const line = box?.lastElementChild instanceof HTMLElement ? Number(box.lastElementChild.dataset.row) : 0;
  return rows.rowOf(line);
}

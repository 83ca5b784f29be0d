import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from 'react';
import { useAim } from './use-aim.ts';
import { ROW_HEIGHT, scrollTopOf, type Window, windowAt } from './window.ts';

/** Nearer than this to the end counts as at the end. */
const END_PX = 6;

/**
 * The scrolling of a log: which lines are on the screen, and whether the view keeps to the end as lines come. Scrolling
 * up leaves the end, scrolling to it (or `toEnd`) comes back. While the view is not at the end and lines are not all one
 * row high, new lines wait until it is, so that what somebody reads stays where it is.
 */
export function useFollow(
  scroller: RefObject<HTMLElement | null>,
  lines: number,
  options: { wrapped: boolean; startAtEnd: boolean },
) {
  const [scrollTop, setScrollTop] = useState(0);
  const [viewHeight, setViewHeight] = useState(400);
  const [following, setFollowing] = useState(options.startAtEnd);
  const [held, setHeld] = useState(lines);
  const latest = useRef({ top: 0, following });
  latest.current.following = following;

  const scaled = windowAt(0, viewHeight, lines).height < lines * ROW_HEIGHT;
  const holds = !following && (options.wrapped || scaled) && held > 0 && held < lines;
  const shown = holds ? held : lines;
  if (!holds && held !== lines) setHeld(lines);

  const base = windowAt(0, viewHeight, shown);
  const view: Window = windowAt(following ? base.maxScroll : scrollTop, viewHeight, shown);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setViewHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, [scroller]);

  useLayoutEffect(() => {
    const element = scroller.current;
    if (element && following) {
      element.scrollTop = element.scrollHeight;
      latest.current.top = element.scrollTop;
    }
  });

  const aim = useAim(scroller);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    const onScroll = () => {
      const { top, following: was } = latest.current;
      const now = element.scrollTop;
      const atEnd = now >= element.scrollHeight - element.clientHeight - END_PX;
      latest.current.top = now;
      aim.scrolled(now);
      setScrollTop(now);
      if (was && now < top && !atEnd) setFollowing(false);
      if (!was && atEnd && now > top) setFollowing(true);
    };
    // A wheel turned up leaves the end even when new lines would scroll on before the scroll event comes.
    const onWheel = ({ deltaY }: WheelEvent) => {
      aim.end();
      if (deltaY >= 0 || !latest.current.following || element.scrollHeight <= element.clientHeight) return;
      setScrollTop(element.scrollTop);
      setFollowing(false);
    };
    element.addEventListener('scroll', onScroll, { passive: true });
    element.addEventListener('wheel', onWheel, { passive: true });
    return () => {
      element.removeEventListener('scroll', onScroll);
      element.removeEventListener('wheel', onWheel);
    };
  }, [scroller, aim]);

  const scrollTo = (top: number) => {
    setFollowing(false);
    setScrollTop(top);
    latest.current = { top, following: false };
    if (scroller.current) scroller.current.scrollTop = top;
  };
  const toLine = (line: number, wrapped = options.wrapped) => {
    scrollTo(scrollTopOf(line, viewHeight, shown, wrapped));
    if (wrapped) aim.at(line);
    else aim.end();
  };
  return {
    view,
    shown,
    following,
    /** Whether the view has its size. */
    measured: viewHeight > 0,
    toEnd: () => setFollowing(true),
    toStart: () => scrollTo(0),
    /** Puts a line into the middle of the view, as near as it goes. */
    toLine,
  };
}

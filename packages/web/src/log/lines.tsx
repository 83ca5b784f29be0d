import { type CSSProperties, type MouseEvent, type RefObject, useEffect, useLayoutEffect, useRef } from 'react';
import { Line } from './line.tsx';
import css from './log.module.css';
import type { LogPrefs } from './prefs.ts';
import type { Selection } from './selection.ts';
import type { LogStore } from './store.ts';
import type { Window } from './window.ts';

/** How the agent begins the line that opens a phase. */
const PHASE_MARK = '▸ ';

/** The lines that are on the screen, where they belong in the scrolled height. */
export function Lines({
  scroller,
  store,
  view,
  lines,
  prefs,
  href,
  startedAt,
  cause,
  selection,
  onSelect,
}: {
  scroller: RefObject<HTMLDivElement | null>;
  store: LogStore;
  view: Window;
  lines: number;
  prefs: LogPrefs;
  /** Address of the page, without a hash. */
  href: string;
  startedAt: number;
  cause: number | null;
  selection: Selection | null;
  onSelect: (selection: Selection) => void;
}) {
  const box = useRef<HTMLDivElement>(null);
  const { first, last, anchor, top, height } = view;

  useEffect(() => store.want(first, last), [store, first, last]);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const row = prefs.wrap ? element.querySelector<HTMLElement>(`[data-row="${anchor.line}"]`) : null;
    const y = row
      ? (scroller.current?.scrollTop ?? 0) + anchor.y - row.offsetTop - anchor.part * row.offsetHeight
      : top;
    element.style.transform = `translateY(${y}px)`;
  });

  const onClick = (event: MouseEvent) => {
    const link = event.target instanceof Element ? event.target.closest<HTMLElement>('[data-line]') : null;
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const line = Number(link.dataset.line);
    const from = event.shiftKey && selection ? selection.first : line;
    onSelect({ first: Math.min(from, line), last: Math.max(from, line) });
  };

  const shown = [];
  for (let line = first; line <= last; line += 1) {
    const row = store.row(line);
    shown.push(
      <Line
        key={line}
        line={line}
        row={row}
        href={href}
        times={prefs.times}
        startedAt={startedAt}
        cause={line === cause}
        selected={selection !== null && line >= selection.first && line <= selection.last}
        begins={row?.component === 'kiln' && row.text.startsWith(PHASE_MARK)}
      />,
    );
  }
  const sizes: CSSProperties & { '--digits': number } = {
    height: Math.max(height, 1),
    '--digits': String(lines).length,
  };
  return (
    <div className={css.sizer} style={sizes}>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: the links inside have the keyboard */}
      <div ref={box} className={css.box} data-wrap={prefs.wrap || undefined} onClick={onClick}>
        {shown}
      </div>
    </div>
  );
}

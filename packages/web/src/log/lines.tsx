import { type CSSProperties, type MouseEvent, type RefObject, useEffect } from 'react';
import type { Group } from './groups.ts';
import { Line } from './line.tsx';
import css from './log.module.css';
import type { LogSearch } from './log-search.ts';
import type { LogPrefs } from './prefs.ts';
import type { Rows } from './rows.ts';
import type { Selection } from './selection.ts';
import type { LogStore } from './store.ts';

/** The lines that are on the screen, in a box that is put where they belong in the scrolled height. */
export function Lines({
  box,
  store,
  rows,
  first,
  last,
  height,
  lines,
  prefs,
  href,
  startedAt,
  cause,
  selection,
  search,
  current,
  groups,
  isFolded,
  narrowed,
  around,
  onSelect,
  onFold,
}: {
  box: RefObject<HTMLDivElement | null>;
  store: LogStore;
  rows: Rows;
  /** Rows to render. */
  first: number;
  last: number;
  /** Of what is scrolled, in pixels. */
  height: number;
  lines: number;
  prefs: LogPrefs;
  /** Address of the log, without a hash. */
  href: string;
  startedAt: number;
  cause: number | null;
  selection: Selection | null;
  search: LogSearch | null;
  /** Line of the hit that one is at. */
  current: number | null;
  /** Groups by their first lines; none while only some lines are shown. */
  groups: ReadonlyMap<number, Group>;
  isFolded: (group: Group) => boolean;
  /** Only lines that were found are shown. */
  narrowed: boolean;
  /** Lines around each of them: then a gap is drawn. */
  around: number;
  onSelect: (selection: Selection) => void;
  onFold: (group: Group) => void;
}) {
  useEffect(() => {
    // Lines that were found came with their text.
    const wanted = rows
      .slice(first, last)
      .filter((range) => !(narrowed && range.first === range.last && search?.hit(range.first)));
    store.want(wanted);
  });

  const onClick = (event: MouseEvent) => {
    if (!(event.target instanceof Element) || event.ctrlKey || event.metaKey) return;
    const fold = event.target.closest<HTMLElement>('[data-fold]');
    const group = fold && groups.get(Number(fold.dataset.first));
    if (group) return onFold(group);
    const link = event.target.closest<HTMLElement>('[data-line]');
    if (!link) return;
    event.preventDefault();
    const line = Number(link.dataset.line);
    const from = event.shiftKey && selection ? selection.first : line;
    onSelect({ first: Math.min(from, line), last: Math.max(from, line) });
  };

  const shown = [];
  let before: number | null = first > 0 ? rows.lineAt(first - 1) : null;
  for (const range of rows.slice(first, last)) {
    for (let line = range.first; line <= range.last; line += 1) {
      const hit = search?.hit(line);
      const group = groups.get(line);
      shown.push(
        <Line
          key={line}
          line={line}
          row={store.row(line) ?? hit?.row ?? null}
          href={href}
          times={prefs.times}
          startedAt={startedAt}
          cause={line === cause}
          selected={selection !== null && line >= selection.first && line <= selection.last}
          hit={hit}
          current={line === current}
          group={group}
          folded={group !== undefined && isFolded(group)}
          apart={narrowed && around > 0 && before !== null && before < line - 1}
        />,
      );
      before = line;
    }
  }
  const sizes: CSSProperties & { '--digits': number } = { height, '--digits': String(lines).length };
  return (
    <div className={css.sizer} style={sizes}>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents lint/a11y/noStaticElementInteractions: the links and buttons inside have the keyboard */}
      <div ref={box} className={css.box} data-wrap={prefs.wrap || undefined} onClick={onClick}>
        {shown}
      </div>
    </div>
  );
}

import type { Anchor } from './viewport.ts';

/** The box of rendered lines, whose children have a `data-row` with their line. */

/** Where the box has to be, in what is scrolled, so that the anchor is where it should be, or the end when it is null. */
export function placeInBox(
  box: HTMLElement,
  anchor: Anchor | null,
  scrollTop: number,
  viewHeight: number,
  { first, last, count }: { first: number; last: number; count: number },
): number {
  const height = box.offsetHeight;
  const lowest = scrollTop + viewHeight - height;
  if (anchor === null) return first === 0 && height <= viewHeight ? 0 : lowest;
  const row = box.querySelector<HTMLElement>(`[data-row="${anchor.line}"]`);
  const top = scrollTop + anchor.y - (row?.offsetTop ?? 0);
  // Nothing comes before the first line, nor after the last one.
  if (first === 0 && (top > scrollTop || height <= viewHeight)) return scrollTop;
  return last === count - 1 ? Math.max(top, lowest) : top;
}

/** The first line in view and where it is; null when the view shows what the box has not. */
export function seenInBox(box: HTMLElement, boxTop: number, scrollTop: number): Anchor | null {
  const rows = box.children;
  const viewTop = scrollTop - boxTop;
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const row = rows[middle];
    if (row instanceof HTMLElement && row.offsetTop + row.offsetHeight <= viewTop) low = middle + 1;
    else high = middle;
  }
  const row = rows[low];
  if (!(row instanceof HTMLElement) || row.dataset.row === undefined || row.offsetTop > viewTop + 1) return null;
  return { line: Number(row.dataset.row), y: row.offsetTop - viewTop };
}

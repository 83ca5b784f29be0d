import type { Rows } from './rows.ts';

/**
 * Where a log is scrolled to. What is kept is an *anchor*: a line, and how far its top is below the top of the view. So a line
 * that somebody reads stays where it is while lines come, groups fold and lines wrap, whatever stands above it.
 *
 * The element that scrolls has one row's height for each row, up to a limit that browsers can lay out. While all rows have
 * that height and fit, its `scrollTop` and the anchor say the same. Otherwise `scrollTop` only tells how far between top and
 * bottom the view is: small steps move the lines by as many pixels, long ways (a dragged scroll bar) go by proportion.
 */
export interface Anchor {
  line: number;
  /** Pixels from the top of the view to the top of the line. */
  y: number;
}

export const ROW_HEIGHT = 20;
/** Browsers don't lay out elements much higher than this (Firefox: 17.9 million pixels). */
const MAX_HEIGHT = 15_000_000;
/** Rows rendered beyond the view at either side. */
const MARGIN = 12;

/** Height of what is scrolled, in pixels. */
export function scrollHeightOf(rows: number): number {
  return Math.max(1, Math.min(rows * ROW_HEIGHT, MAX_HEIGHT));
}

/** Whether `scrollTop` is where the view is, to the pixel. */
export function isExact(rows: number, wrapped: boolean): boolean {
  return !wrapped && rows * ROW_HEIGHT <= MAX_HEIGHT;
}

/** The rows above the view, with the hidden part of the topmost one, when every row has one height. */
export function topRow(anchor: Anchor, rows: Rows): number {
  return rows.rowOf(anchor.line) - anchor.y / ROW_HEIGHT;
}

/** The anchor that has so many rows above the view, kept between the first and the last row. */
export function anchorAtRow(top: number, viewHeight: number, rows: Rows): Anchor {
  const most = Math.max(0, rows.count - viewHeight / ROW_HEIGHT);
  const kept = Math.min(most, Math.max(0, top));
  const row = Math.min(Math.floor(kept), Math.max(0, rows.count - 1));
  return { line: rows.lineAt(row), y: (row - kept) * ROW_HEIGHT };
}

/** The same place with the topmost line as its anchor, kept between the ends; exact when every row has one height. */
export function settled(anchor: Anchor, viewHeight: number, rows: Rows): Anchor {
  return anchorAtRow(topRow(anchor, rows), viewHeight, rows);
}

/**
 * The anchor that a `scrollTop` means: as far between the first and the last row as between the top and the bottom of the view. That
 * is exact where `isExact`, needs no heights where lines are wrapped, and always reaches both ends.
 */
export function anchorAtScroll(scrollTop: number, viewHeight: number, rows: Rows, wrapped = false): Anchor {
  const most = Math.max(0, scrollHeightOf(rows.count) - viewHeight);
  const part = most === 0 ? 0 : Math.min(1, Math.max(0, scrollTop / most));
  const row = Math.min(Math.floor(part * rows.count), Math.max(0, rows.count - 1));
  const anchor = { line: rows.lineAt(row), y: part * viewHeight - (part * rows.count - row) * ROW_HEIGHT };
  return wrapped ? anchor : settled(anchor, viewHeight, rows);
}

/** The `scrollTop` that tells where an anchor is. `visible`: rows that the view holds, when they are not all one row high. */
export function scrollTopOf(anchor: Anchor, viewHeight: number, rows: Rows, visible = viewHeight / ROW_HEIGHT): number {
  const most = Math.max(0, scrollHeightOf(rows.count) - viewHeight);
  const span = rows.count - visible;
  if (span <= 0) return 0;
  return Math.min(1, Math.max(0, topRow(anchor, rows) / span)) * most;
}

/** The rows to render, both included; `last < first` when there are none. Rows may be higher than ROW_HEIGHT, never lower. */
export function renderedRows(anchor: Anchor, viewHeight: number, rows: Rows): { first: number; last: number } {
  const row = rows.rowOf(anchor.line);
  const above = Math.max(0, Math.ceil(anchor.y / ROW_HEIGHT));
  const below = Math.ceil(Math.max(0, viewHeight - anchor.y) / ROW_HEIGHT);
  return { first: Math.max(0, row - above - MARGIN), last: Math.min(rows.count - 1, row + below + MARGIN) };
}

/** The last rows of a log, to render while its end is shown. */
export function lastRows(viewHeight: number, rows: Rows): { first: number; last: number } {
  const fit = Math.ceil(viewHeight / ROW_HEIGHT) + MARGIN;
  return { first: Math.max(0, rows.count - fit), last: rows.count - 1 };
}

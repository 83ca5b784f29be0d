/**
 * Which lines of a log are on the screen. Every line counts as one row's height for the scroll bar, whatever its real
 * one is (wrapped lines are higher): where the bar stands between top and bottom is where the *anchor* is, both between
 * the first and the last line and between the top and the bottom of the view. So positions need no measuring, cost nothing
 * for a million lines, are exact for lines of one row, and both ends are always reached.
 */

export const ROW_HEIGHT = 20;
/** Browsers don't lay out elements much higher than this (Firefox: 17.9 million pixels). */
const MAX_HEIGHT = 15_000_000;
/** Rows beyond the view at either side. */
const MARGIN = 20;

export interface Window {
  /** Height of what is scrolled, in pixels. */
  height: number;
  /** The highest `scrollTop`. */
  maxScroll: number;
  /** Lines to render, from 1; none when `last < first`. */
  first: number;
  last: number;
  /** The line at the anchor, the part of it above the anchor (0 to 1), and where the anchor is below the view's top. */
  anchor: { line: number; part: number; y: number };
  /** Where the first line's top is in what is scrolled, when every line is one row high. */
  top: number;
}

/** The lines on the screen of a view `viewHeight` pixels high, scrolled to `scrollTop`. */
export function windowAt(scrollTop: number, viewHeight: number, lines: number): Window {
  const natural = lines * ROW_HEIGHT;
  const height = Math.min(natural, MAX_HEIGHT);
  const maxScroll = Math.max(0, height - viewHeight);
  const part = maxScroll === 0 ? 0 : Math.min(1, Math.max(0, scrollTop / maxScroll));
  const rows = part * lines;
  const y = part * viewHeight;
  const first = Math.max(1, Math.floor(rows - y / ROW_HEIGHT) + 1 - MARGIN);
  const last = Math.min(lines, Math.ceil(rows + (viewHeight - y) / ROW_HEIGHT) + MARGIN);
  const line = Math.min(lines, Math.floor(rows) + 1);
  const clamped = Math.min(maxScroll, Math.max(0, scrollTop));
  return {
    height,
    maxScroll,
    first,
    last,
    anchor: { line, part: rows - (line - 1), y },
    top: clamped + y + (first - 1 - rows) * ROW_HEIGHT,
  };
}

/** The `scrollTop` that puts a line in the middle of the view, or at the anchor where lines are higher than a row. */
export function scrollTopOf(line: number, viewHeight: number, lines: number, wrapped: boolean): number {
  const { height, maxScroll } = windowAt(0, viewHeight, lines);
  const middle = line - 0.5;
  if (wrapped || height < lines * ROW_HEIGHT) return clamp(middle / lines) * maxScroll;
  return Math.min(maxScroll, Math.max(0, middle * ROW_HEIGHT - viewHeight / 2));
}

function clamp(part: number): number {
  return Math.min(1, Math.max(0, part));
}

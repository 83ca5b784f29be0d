import type { Span } from './ansi.ts';

/** A stretch of text within a line, in UTF-16 units: [start, end). */
export type TextRange = readonly [start: number, end: number];

/** A span, or a part of one, that is a hit of the search. */
export interface Piece extends Span {
  hit: boolean;
}

/** Cuts spans where ranges begin and end. `ranges` ascend; what lies beyond the text is left out. */
export function highlighted(spans: readonly Span[], ranges: readonly TextRange[]): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let next = 0;
  for (const span of spans) {
    const end = at + span.text.length;
    let from = at;
    while (from < end) {
      let range = ranges[next];
      while (range && range[1] <= from) range = ranges[++next];
      const hit = range !== undefined && range[0] <= from;
      const to = Math.min(end, range ? (hit ? range[1] : range[0]) : end);
      pieces.push({ ...span, text: span.text.slice(from - at, to - at), hit });
      from = to;
    }
    at = end;
  }
  return pieces;
}

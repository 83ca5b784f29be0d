/** Lines that the address names: `#L12`, `#L12-L20`. */
export interface Selection {
  first: number;
  last: number;
}

/** The lines of a hash without its `#`, null when it names none. */
export function parseSelection(hash: string): Selection | null {
  const match = /^L(\d{1,12})(?:-L?(\d{1,12}))?$/.exec(hash);
  if (!match) return null;
  const a = Number(match[1]);
  const b = match[2] === undefined ? a : Number(match[2]);
  return a < 1 || b < 1 ? null : { first: Math.min(a, b), last: Math.max(a, b) };
}

/** The hash, without `#`, that names lines. */
export function selectionHash({ first, last }: Selection): string {
  return first === last ? `L${first}` : `L${first}-L${last}`;
}

// No imports: the dashboard bundles this file.

/** Joins the character before it: accents, variation selectors, joiners. */
const JOINS = /^(?:\p{M}|\p{Cf})$/u;
/** Takes two columns: East Asian scripts and emoji. */
const WIDE =
  /^(?:[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation})$/u;

/** How many columns of a terminal a character takes: 0, 1 or 2. */
export function columnsOf(character: string): 0 | 1 | 2 {
  if (character < '\u0300') return 1;
  if (JOINS.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** How a stretch of text looks. A colour is a palette index (0 to 15, in the theme's own hues) or CSS. */
export interface Style {
  color?: number | string;
  background?: number | string;
  bold?: true;
  dim?: true;
  italic?: true;
  underline?: true;
  strike?: true;
  overline?: true;
  inverse?: true;
}

type Flag = Exclude<keyof Style, 'color' | 'background'>;

const ON: Record<number, Flag> = {
  1: 'bold',
  2: 'dim',
  3: 'italic',
  4: 'underline',
  7: 'inverse',
  9: 'strike',
  21: 'underline',
  53: 'overline',
};
const OFF: Record<number, readonly (keyof Style)[]> = {
  22: ['bold', 'dim'],
  23: ['italic'],
  24: ['underline'],
  27: ['inverse'],
  29: ['strike'],
  55: ['overline'],
  39: ['color'],
  49: ['background'],
};

/** The style after one `ESC [ … m`. Parameters may be separated by `;` or `:`; what is unknown is passed over. */
export function applySgr(style: Style | null, parameters: string): Style | null {
  // `4:0` is the one sub-parameter that means the opposite of its number.
  const codes = parameters
    .replace(/(^|;)4:0(?=;|$)/g, '$124')
    .replace(/(^|;)4:\d+/g, '$14')
    .split(/[;:]/)
    .map(Number);
  const next: Style = { ...style };
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] ?? 0;
    const flag = ON[code];
    if (code === 0) for (const key of Object.keys(next)) delete next[key as keyof Style];
    else if (flag) next[flag] = true;
    else if (OFF[code]) for (const key of OFF[code]) delete next[key];
    else if (code >= 30 && code <= 37) next.color = code - 30;
    else if (code >= 90 && code <= 97) next.color = code - 82;
    else if (code >= 40 && code <= 47) next.background = code - 40;
    else if (code >= 100 && code <= 107) next.background = code - 92;
    else if (code === 38 || code === 48) {
      const [color, used] = extended(codes, at);
      at += used;
      if (color !== null) next[code === 38 ? 'color' : 'background'] = color;
    }
  }
  return Object.keys(next).length === 0 ? null : next;
}

/** The colour after a 38 or 48, and how many parameters it took. */
function extended(codes: number[], at: number): [color: number | string | null, used: number] {
  if (codes[at + 1] === 5) return [indexed(codes[at + 2] ?? 0), 2];
  if (codes[at + 1] !== 2) return [null, 0];
  // `38:2::r:g:b` has an empty colour space before the three; Number('') is 0, so it is seen by the length.
  const extra = codes.length - at === 6 && codes[at + 2] === 0 ? 1 : 0;
  const channel = (index: number) => Math.min(255, Math.max(0, codes[at + 2 + extra + index] || 0));
  return [`rgb(${channel(0)} ${channel(1)} ${channel(2)})`, 4 + extra];
}

/** One of the 256 colours: 16 of the theme, a cube of 6 × 6 × 6, 24 greys. */
function indexed(index: number): number | string | null {
  if (!(index >= 0 && index <= 255)) return null;
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey} ${grey} ${grey})`;
  }
  const level = (value: number) => (value === 0 ? 0 : 55 + value * 40);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}

/** Whether two stretches look alike. */
export function sameStyle(a: Style | null, b: Style | null): boolean {
  if (a === b) return true;
  if (!a || !b) return false;
  const keys = Object.keys(a) as (keyof Style)[];
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

/**
 * Rewrites an expression so that it ignores case without the flag `i`: `ab[c-e]` becomes `[aA][bB][c-eC-E]`. V8's
 * linear engine knows no `i`, so this is what keeps expressions that ignore case linear. The expression must be valid,
 * without back references, and not be meant for the flags `u` and `v`.
 */
export function foldCase(source: string): string {
  let folded = '';
  for (let at = 0; at < source.length; ) {
    const end = endOfPart(source, at);
    const part = source.slice(at, end);
    if (part.startsWith('[')) folded += foldClass(part);
    else if (part.startsWith('(?')) folded += part;
    else folded += foldAtom(part);
    at = end;
  }
  return folded;
}

/** Where the class, the head of a group, the escape or the character at `at` ends. */
function endOfPart(source: string, at: number): number {
  if (source[at] === '[') {
    let end = at + 1;
    while (end < source.length && source[end] !== ']') end += source[end] === '\\' ? 2 : 1;
    return end + 1;
  }
  // `(?:`, `(?i-m:`, `(?<name>`, `(?=`, `(?<!`: letters in there are no text.
  if (source.startsWith('(?', at)) return at + (/^\(\?[^:=!>]*./.exec(source.slice(at))?.[0].length ?? 1);
  return at + atomLength(source, at);
}

/** How long the character or the escape at `at` is. */
function atomLength(source: string, at: number): number {
  return /^(?:\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|c[A-Za-z]|.)|.)/s.exec(source.slice(at, at + 6))?.[0].length ?? 1;
}

/** The character that a part stands for; null for what stands for several, or for none. */
function characterOf(part: string): string | null {
  if (part.length === 1) return part;
  if (/^\\[xu][0-9a-fA-F]{2}/.test(part)) return String.fromCharCode(Number.parseInt(part.slice(2), 16));
  // `\-`, `\/`, `\.` and also `\e`, which is just an e. Lengths above 2 are control letters.
  return part.length === 2 && !/[bBdDfknrsStvwWpPxu0-9c]/.test(part.charAt(1)) ? part.charAt(1) : null;
}

/** The same letter in the other case; null when there is none, or it is more than one. */
function otherCase(character: string): string | null {
  for (const other of [character.toUpperCase(), character.toLowerCase()]) {
    if (other !== character && other.length === 1) return other;
  }
  return null;
}

function foldAtom(part: string): string {
  const character = characterOf(part);
  const other = character === null ? null : otherCase(character);
  return other === null ? part : `[${part}${other}]`;
}

function foldClass(part: string): string {
  const atoms: string[] = [];
  for (let at = part[1] === '^' ? 2 : 1; at < part.length - 1; ) {
    const length = atomLength(part, at);
    atoms.push(part.slice(at, at + length));
    at += length;
  }
  const more: string[] = [];
  for (let n = 0; n < atoms.length; n++) {
    const first = characterOf(atoms[n] ?? '');
    const last = atoms[n + 1] === '-' ? characterOf(atoms[n + 2] ?? '') : null;
    if (first !== null && last !== null && last !== '') {
      more.push(...otherRanges(first, last));
      n += 2;
    } else if (first !== null) {
      const other = otherCase(first);
      if (other !== null) more.push(other);
    }
  }
  // A dash at the end stands for itself: what is added goes to the front.
  const head = part[1] === '^' ? 2 : 1;
  return part.slice(0, head) + more.join('') + part.slice(head);
}

/** The letters of a range in the other case. */
function otherRanges(first: string, last: string): string[] {
  const found: string[] = [];
  for (const [from, to] of [
    ['a', 'z'],
    ['A', 'Z'],
  ] as const) {
    const low = first > from ? first : from;
    const high = last < to ? last : to;
    if (low <= high) found.push(`${otherCase(low)}-${otherCase(high)}`);
  }
  return found;
}

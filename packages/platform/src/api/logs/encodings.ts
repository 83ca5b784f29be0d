/** Whether a client takes an encoding: named in Accept-Encoding, and not with a weight of 0. `*` names none: clients that send it may not mean zstd. */
export function accepts(header: string | string[] | undefined, encoding: 'zstd' | 'gzip'): boolean {
  const entries = String(header ?? '')
    .toLowerCase()
    .split(',');
  const entry = entries.map((part) => part.trim().split(/\s*;\s*/)).find(([name]) => name === encoding);
  return entry !== undefined && !/^q=0(\.0*)?$/.test(entry[1] ?? '');
}

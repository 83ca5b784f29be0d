/** The values of JSON lines that come in pieces. */
export async function* jsonLines<T>(pieces: AsyncIterable<string>): AsyncGenerator<T[]> {
  let rest = '';
  for await (const piece of pieces) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    if (lines.length > 0) yield lines.map((line): T => JSON.parse(line));
  }
  if (rest !== '') yield [JSON.parse(rest)];
}

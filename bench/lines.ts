import { once } from 'node:events';
import { createWriteStream } from 'node:fs';

const WORDS = ['compiling', 'linking', 'checking', 'installing', 'testing', 'packing', 'fetching', 'unpacking'];

/** Writes a file of so many lines of 100 bytes, as a build might print them: the same ones every time. */
export async function writeLines(path: string, lines: number): Promise<void> {
  const out = createWriteStream(path);
  let seed = 42;
  const next = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return seed;
  };
  for (let n = 0; n < lines; ) {
    let block = '';
    for (let i = 0; i < 1000 && n < lines; i++, n++) {
      const line = `[${String(n).padStart(7, '0')}] ${WORDS[next() % 8]} src/module_${next() % 997}/unit_${next() % 99_991}.c -> ${next().toString(16)}${next().toString(16)}`;
      block += `${line.padEnd(99, '.').slice(0, 99)}\n`;
    }
    if (!out.write(block)) await once(out, 'drain');
  }
  await new Promise<void>((done) => out.end(() => done()));
}

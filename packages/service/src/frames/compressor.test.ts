import { execFileSync } from 'node:child_process';
import { zstdDecompressSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Compressor } from './compressor.ts';

test('texts of every size become frames of their own, in any order of making', async () => {
  const compressor = new Compressor();
  const texts = [1, 511, 512, 513, 16_384, 16_385, 262_144, 344_064, 20_000].map((size) =>
    Buffer.from('one line of text\n'.repeat(Math.ceil(size / 17)).slice(0, size)),
  );
  const frames = await Promise.all(texts.map(async (text) => await compressor.compress(text)));
  for (const [index, frame] of frames.entries())
    expect(zstdDecompressSync(frame).equals(texts[index] ?? Buffer.of())).toBe(true);
  const together = execFileSync('zstd', ['-dc'], { input: Buffer.concat(frames), maxBuffer: 2 ** 24 });
  expect(together.equals(Buffer.concat(texts))).toBe(true);
  compressor.close();
});

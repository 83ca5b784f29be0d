import { zstdCompressSync } from 'node:zlib';
import { encodeFrame, type FrameHeader } from '@kiln/protocol/frame.ts';
import { expect, test } from 'vitest';
import { frameLines, frameText } from './log-lines.ts';

function stored(text: Buffer, lines: number, more: Partial<FrameHeader> = {}) {
  const head: FrameHeader = {
    v: 1,
    job: 'x',
    attempt: 1,
    sequence: 1,
    firstLine: 5,
    lines,
    bytes: lines,
    runs: [[lines, 1000, 1, 'output', 0, 0]],
    ...more,
  };
  return { sequence: 1, firstLine: 5, lines, data: encodeFrame(head, zstdCompressSync(text)) };
}

test('a frame gives as many lines as its header says, whatever its text', async () => {
  const short = await frameLines(stored(Buffer.from('only\n'), 3));
  expect(short.map(({ line, text }) => [line, text])).toEqual([
    [5, 'only'],
    [6, ''],
    [7, ''],
  ]);
  expect(await frameLines(stored(Buffer.from('a\nb\nc\n'), 1))).toHaveLength(1);
});

test('a small frame that unpacks to gigabytes is not unpacked', async () => {
  const bomb = stored(Buffer.alloc(256 * 1024 * 1024), 2);
  expect(bomb.data.length).toBeLessThan(50_000);
  const before = process.memoryUsage().rss;
  for (const { text } of await frameLines(bomb)) expect(text).toContain("can't be read");
  expect((await frameText(bomb)).toString().split('\n')).toHaveLength(3);
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1024 * 1024);
});

test('bytes that are no frame give as many lines that say so', async () => {
  const broken = { sequence: 1, firstLine: 1, lines: 2, data: Buffer.from('garbage that is no frame') };
  expect((await frameLines(broken)).map(({ line, level }) => [line, level])).toEqual([
    [1, 'ERROR'],
    [2, 'ERROR'],
  ]);
});

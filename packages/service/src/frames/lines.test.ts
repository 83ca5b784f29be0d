import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CONTINUED, type CutGuard, LINE_LIMIT, LineSplitter } from './lines.ts';

const nothingToGuard: CutGuard = { longest: 0, cutPoint: (_bytes, limit) => limit };

function split(chunks: Buffer[], guard = nothingToGuard): Buffer[] {
  const lines: Buffer[] = [];
  const splitter = new LineSplitter((block) => {
    expect(block.at(-1)).toBe(10);
    for (let from = 0; from < block.length; ) {
      const end = block.indexOf(10, from) + 1;
      lines.push(Buffer.from(block.subarray(from, end)));
      from = end;
    }
  }, guard);
  for (const chunk of chunks) splitter.push(chunk);
  splitter.flush();
  return lines;
}

function cutInto(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

test('however output is cut into chunks, the lines are the same', () => {
  const alphabet = fc.constantFrom(10, 10, 13, 0, 0x41, 0xc3, 0xa9, 0xff, 0x1b);
  fc.assert(
    fc.property(fc.array(alphabet), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (bytes, sizes) => {
      const whole = Buffer.from(bytes);
      const lines = split(cutInto(whole, sizes));
      const end = whole.length > 0 && whole.at(-1) !== 10 ? '\n' : '';
      expect(Buffer.concat(lines).toString('latin1')).toBe(whole.toString('latin1') + end);
    }),
  );
});

test('a line of just the limit is whole, a longer one is cut and marked', () => {
  const fits = Buffer.from(`${'a'.repeat(LINE_LIMIT)}\n`);
  expect(split([fits])).toEqual([fits]);
  const lines = split([Buffer.from(`${'a'.repeat(2 * LINE_LIMIT + 5)}\nnext\n`)]).map(String);
  expect(lines).toEqual([
    `${'a'.repeat(LINE_LIMIT)}${CONTINUED}\n`,
    `${'a'.repeat(LINE_LIMIT)}${CONTINUED}\n`,
    'aaaaa\n',
    'next\n',
  ]);
});

test('long lines are cut in the same places however they come', () => {
  const text = Buffer.from(`${'x'.repeat(3 * LINE_LIMIT)}\nshort\n${'é'.repeat(LINE_LIMIT)}`);
  const whole = split([text]).map(String);
  expect(whole.join('').replaceAll(`${CONTINUED}\n`, '')).toBe(`${text}\n`);
  for (const size of [1000, 65_536, 70_001]) expect(split(cutInto(text, [size])).map(String)).toEqual(whole);
});

test('a character is not torn at the cut', () => {
  const lines = split([Buffer.from(`a${'é'.repeat(LINE_LIMIT)}\n`)]).map(String);
  expect(lines.join('')).not.toContain('\ufffd');
  expect(lines.length).toBe(3);
});

test('what the guard wants whole is not cut', () => {
  const guard: CutGuard = { longest: 20, cutPoint: (_bytes, limit) => limit - 7 };
  const [first] = split([Buffer.from(`${'a'.repeat(LINE_LIMIT + 10)}\n`)], guard);
  expect(first?.length).toBe(LINE_LIMIT - 7 + Buffer.byteLength(CONTINUED) + 1);
});

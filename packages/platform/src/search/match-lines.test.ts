import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Expression } from './expression.ts';
import { matchingLines, matchRanges } from './match-lines.ts';

const SOURCES = [
  'a',
  '',
  'a*',
  '^a',
  'a$',
  '^$',
  '[^a]+',
  '[^a]',
  'a\\s*b',
  '\\s',
  '(?:a|b)+',
  '\\W',
  'b.*a',
  'a{2}',
  '\\Bb',
  '(a)\\1',
  '[^]+b',
  '.*b',
  '.+',
  '.*',
  '.*a|b',
];

test('finds the lines that are found when each is looked at alone', () => {
  const line = fc.array(fc.constantFrom(...'aab b.'), { maxLength: 6 }).map((letters) => letters.join(''));
  fc.assert(
    fc.property(fc.constantFrom(...SOURCES), fc.array(line, { minLength: 1, maxLength: 40 }), (source, lines) => {
      const text = lines.join('\n');
      const expected = lines.flatMap((each, index) => (new RegExp(source, 'm').test(each) ? [index] : []));
      for (const lineByLine of [false, true]) {
        const found = [...matchingLines(text, new Expression({ source, flags: 'gm' }), lineByLine)];
        expect(found.map(({ index }) => index)).toEqual(expected);
        expect(found.map(({ start, end }) => text.slice(start, end))).toEqual(expected.map((index) => lines[index]));
      }
    }),
    { numRuns: 500 },
  );
});

test('looking around sees nothing of other lines when lines are looked at alone', () => {
  const found = (source: string, lineByLine: boolean) =>
    [...matchingLines('foo\nbar\nfoo', new Expression({ source, flags: 'gm' }), lineByLine)].map(({ index }) => index);
  expect(found('foo(?!\\sbar)', false)).toEqual([2]);
  expect(found('foo(?!\\sbar)', true)).toEqual([0, 2]);
});

test('ranges leave out empty matches, and end at two hundred', () => {
  expect(matchRanges('xaabxa', new Expression({ source: 'a*', flags: 'gm' }))).toEqual([
    [1, 3],
    [5, 6],
  ]);
  expect(matchRanges('a'.repeat(1000), new Expression({ source: 'a', flags: 'gm' }))).toHaveLength(200);
});

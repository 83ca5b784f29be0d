import fc from 'fast-check';
import { expect, test } from 'vitest';
import { foldCase } from './fold-case.ts';

/** Parts of expressions, put together at random. */
const atom = fc.constantFrom(
  'a',
  'B',
  'z',
  '.',
  '\\.',
  '\\w',
  '\\S',
  '\\d',
  '\\b',
  '\\x41',
  '\\u0062',
  '\\-',
  '-',
  'é',
  'ß',
  '[a-c]',
  '[^B-Dx]',
  '[\\x41-c]',
  '[A-z]',
  '[a\\-c-]',
  '[^\\w]',
  '[]',
  '[^]',
  '(?:aB)',
  '(?<name>Ab)',
  '(x|Y)',
  '^',
  '$',
  '\\cA',
  '\\t',
  '\\/',
);
const source = fc
  .array(fc.tuple(atom, fc.constantFrom('', '', '', '*', '+?', '{1,2}')), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.map(([part, times]) => (/^(\^|\$|\\b)$/.test(part) ? part : part + times)).join(''));
const text = fc
  .array(fc.constantFrom(...'aAbBcCdDxXyYzZ-._ éÉß[1\\/'), { maxLength: 12 })
  .map((letters) => letters.join(''));

const find = (expression: RegExp, where: string) => [...where.matchAll(expression)].map((m) => [m.index, m[0]]);

test('finds what the flag i finds', () => {
  fc.assert(
    fc.property(source, fc.array(text, { minLength: 8, maxLength: 8 }), (given, texts) => {
      fc.pre(new Set(given.match(/\(\?<name>/g) ?? []).size === (given.match(/\(\?<name>/g) ?? []).length);
      for (const where of texts) {
        expect(find(new RegExp(foldCase(given), 'gm'), where), `${given} → ${foldCase(given)}`).toEqual(
          find(new RegExp(given, 'gim'), where),
        );
      }
    }),
    { numRuns: 500 },
  );
});

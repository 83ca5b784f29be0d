import fc from 'fast-check';
import { expect, test } from 'vitest';
import { visibleText } from '../packages/platform/src/search/visible.ts';
import { plainText } from '../packages/web/src/log/ansi.ts';

const part = fc.constantFrom(
  'a',
  'bc',
  'é',
  '🔥',
  ' ',
  '\t',
  '\r',
  '\b',
  '\u0007',
  '\u0000',
  '\u001b',
  '\u001b[31m',
  '\u001b[0m',
  '\u001b[1;38;5;200m',
  '\u001b[K',
  '漢',
  'e\u0301',
  '\u200d',
  '\u001b[P',
  '\u001b[3X',
  '\u001b[2@',
  '\u001b[4a',
  '\u001b[2j',
  '\u001b[2J',
  '\u001b]8;;https://example.org\u0007',
  '\u001b[1K',
  '\u001b[2K',
  '\u001b[3D',
  '\u001b[C',
  '\u001b[2G',
  '\u001b[G',
  '\u001b]0;title\u0007',
  '\u001b]8;;x\u001b\\',
  '\u001b(B',
  '\u001b[?25l',
  '\u007f',
);

test('a search sees the text that the dashboard shows', () => {
  fc.assert(
    fc.property(fc.array(fc.array(part, { maxLength: 12 }), { minLength: 1, maxLength: 4 }), (given) => {
      const lines = given.map((parts) => parts.join(''));
      expect(visibleText(lines.join('\n')).split('\n')).toEqual(lines.map((line) => plainText(line)));
    }),
    { numRuns: 2000 },
  );
});

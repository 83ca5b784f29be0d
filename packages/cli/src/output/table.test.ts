import { expect, test } from 'vitest';
import { table } from './table.ts';
import { byteSize, elapsed, relativeTime } from './words.ts';

test('columns are aligned whatever their colours, and cells stay on one line', () => {
  const text = table(
    ['NAME', 'STATE'],
    [
      ['a', '\u001b[32mfine\u001b[39m'],
      ['longer', 'two\nlines'],
    ],
    'none',
  );
  expect(text).toBe('NAME    STATE\na       \u001b[32mfine\u001b[39m\nlonger  two lines\n');
  expect(table(['NAME'], [], 'There are none.')).toBe('There are none.\n');
});

test('times and sizes are said as people say them', () => {
  const now = Date.parse('2026-01-01T12:00:00Z');
  expect(relativeTime('2026-01-01T11:59:48Z', now)).toBe('12s ago');
  expect(relativeTime('2026-01-01T12:15:00Z', now)).toBe('in 15m 00s');
  expect(relativeTime('2026-01-01T12:00:00.5Z', now)).toBe('now');
  expect(relativeTime(null, now)).toBe('');
  expect(elapsed('2026-01-01T11:59:00Z', null, now)).toBe('1m 00s');
  expect(elapsed(null, null, now)).toBe('');
  expect(byteSize(980)).toBe('980 B');
  expect(byteSize(5_242_880)).toBe('5.0 MiB');
});

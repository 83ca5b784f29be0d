import { expect, test } from 'vitest';
import { tameLine } from './screen.ts';

test('a build may colour its lines, but not take over the terminal', () => {
  expect(tameLine('plain\ttext, ünïcode ✓')).toBe('plain\ttext, ünïcode ✓');
  expect(tameLine('\u001b[31mred\u001b[0m')).toBe('\u001b[31mred\u001b[0m\u001b[0m');
  expect(tameLine('\u001b[1;32mnever reset')).toBe('\u001b[1;32mnever reset\u001b[0m');
  expect(tameLine('a\u001b[2J\u001b[10;10Hb\rc\u0007\b')).toBe('abc');
  expect(tameLine('\u001b]0;a title\u0007text')).toBe('text');
});

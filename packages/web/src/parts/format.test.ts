import { describe, expect, it } from 'vitest';
import { formatBytes, formatWait, plural, relativeTime, shortRef } from './format.ts';

const NOW = 1_700_000_000_000;

describe('how things are written', () => {
  it.each([
    [0, 'just now'],
    [-12_000, '12s ago'],
    [-90_000, '1m ago'],
    [-7_200_000, '2h ago'],
    [-200_000_000, '2d ago'],
    [2_000, 'in a moment'],
    [240_000, 'in 4m'],
  ])('a moment %d ms away is %s', (difference, text) => {
    expect(relativeTime(NOW + difference, NOW)).toBe(text);
  });

  it.each([
    [812, '812 B'],
    [4301, '4.2 KiB'],
    [1024 * 1024 * 250, '250 MiB'],
    [1024 ** 4 * 5000, '5000 TiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('says no more than it knows', () => {
    expect([60_000, 300_000, 3_600_000, 86_400_000, 90_000].map(formatWait)).toEqual([
      '1m',
      '5m',
      '1h',
      '1d',
      '1m 30s',
    ]);
    expect([plural(1, 'run'), plural(2, 'run'), plural(1234, 'try', 'tries')]).toEqual([
      '1 run',
      '2 runs',
      '1,234 tries',
    ]);
    expect(shortRef('refs/tags/v1.0')).toBe('v1.0');
  });
});

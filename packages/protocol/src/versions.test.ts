import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareVersions, isVersion } from './versions.ts';

describe('each version is lower than the next', () => {
  test.each([
    ['numbers by value', ['1.9', '1.10', '1.100', '2', '10']],
    ['numbers of any length', ['1.99999999999999999998', '1.99999999999999999999', '1.100000000000000000000']],
    ['revisions', ['1.27.0', '1.27.0-1', '1.27.0-2', '1.27.0-10', '1.27.0.1-1', '1.27.1-1']],
    ['a plus', ['1.0', '1.0-1', '1.0+dfsg-1', '1.0.1']],
    ['letters', ['1.1.1', '1.1.1a', '1.1.1w', '1.1.2']],
    ['a tilde', ['1.0~git3', '1.0~git20', '1.0~rc1', '1.0', '1.0-1']],
    [
      'words',
      ['1.0-dev', '1.0-alpha', '1.0-alpha.2', '1.0-beta.1', '1.0-pre1', '1.0-rc.1', '1.0-rc.2', '1.0-rc.11', '1.0'],
    ],
    ['words without a separator', ['3.13.0a1', '3.13.0b1', '3.13.0b2', '3.13.0rc1', '3.13.0']],
    ['a revision of a prerelease', ['1.0-rc1-1', '1.0-rc1-2', '1.0-1']],
    ['more parts', ['1', '1.0', '1.0.0', '1.0.1']],
    ['dates', ['20240131', '20240131.1', '20240201']],
    ['epochs', ['2.0', '1:1.0', '2:0.1']],
  ])('%s', (_what, ordered) => {
    for (const [i, a] of ordered.entries())
      for (const [j, b] of ordered.entries())
        expect(Math.sign(compareVersions(a, b)), `${a} and ${b}`).toBe(Math.sign(i - j));
  });
});

test.each([
  ['v1.0', '1.0'],
  ['V1.0', 'v1.0'],
  ['1.0-RC1', '1.0~rc1'],
  ['1.01', '1.1'],
  ['1_2_3', '1.2.3'],
])('%s is the same as %s', (a, b) => {
  expect(compareVersions(a, b)).toBe(0);
});

test('a word of Object.prototype is an ordinary word', () => {
  expect(compareVersions('1.0constructor', '1.0')).toBeGreaterThan(0);
});

test('what may be a version', () => {
  expect(['1.27.0-1', 'main.20240102.093011.1a2b3c4', '1:2.0~rc1+dfsg'].every(isVersion)).toBe(true);
  expect(['', '../1', '-1', '.1', 'a/b', '1 0', '1\n', 'x'.repeat(129)].some(isVersion)).toBe(false);
});

/** Versions that look like versions more often than chance would make them. */
const version = fc.oneof(
  fc
    .array(
      fc.oneof(
        fc.constantFrom('.', '-', '~', '+', '_', ':', 'v', 'rc', 'a', 'b', 'beta', 'alpha', 'dev', 'w', '0', '00'),
        fc.nat(120).map(String),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join('')),
  fc.string({ maxLength: 12 }),
);

describe('it is a total order', () => {
  test('each version is the same as itself, and turning two round turns the answer round', () => {
    fc.assert(
      fc.property(version, version, (a, b) => {
        expect(compareVersions(a, a)).toBe(0);
        expect(Math.sign(compareVersions(a, b))).toBe(Math.sign(compareVersions(b, a)) * -1 + 0);
      }),
      { numRuns: 2000 },
    );
  });

  test('of three versions, the answers never make a circle', () => {
    fc.assert(
      fc.property(version, version, version, (a, b, c) => {
        const [low, middle, high] = [a, b, c].sort(compareVersions);
        expect(compareVersions(low ?? '', middle ?? '')).toBeLessThanOrEqual(0);
        expect(compareVersions(middle ?? '', high ?? '')).toBeLessThanOrEqual(0);
        expect(compareVersions(low ?? '', high ?? '')).toBeLessThanOrEqual(0);
      }),
      { numRuns: 2000 },
    );
  });
});

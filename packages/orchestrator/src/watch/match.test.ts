import { expect, test } from 'vitest';
import { matchTags } from './match.ts';
import { testUpstream } from './test-upstream.ts';

const tags = (...names: string[]) => names.map((tag, n) => ({ tag, commit: String(n).repeat(40) }));

test('the version is the group of that name, lowest first', () => {
  const upstream = testUpstream({ tags: '^(?:v(?<version>\\d+\\.\\d+))$' });
  const { matches } = matchTags(upstream, tags('v1.10', 'v1.9', 'nightly', 'v1.9-rc1', 'xv1.8'));
  expect(matches.map(({ tag, version }) => [tag, version])).toEqual([
    ['v1.9', '1.9'],
    ['v1.10', '1.10'],
  ]);
});

test('a template puts the version together from groups', () => {
  const upstream = testUpstream({
    tags: '^(?:release-(?<major>\\d+)_(?<minor>\\d+)(?<extra>[a-z])?)$',
    versionTemplate: '${major}.${minor}${extra}-1',
  });
  const { matches } = matchTags(upstream, tags('release-1_2', 'release-1_2b'));
  expect(matches.map((match) => match.version)).toEqual(['1.2-1', '1.2b-1']);
});

test('versions below the least one, and unusable ones, are kept apart', () => {
  const upstream = testUpstream({ tags: '^(?:.*)$', minVersion: '1.5' });
  const { matches, below, unusable } = matchTags(upstream, tags('1.4.9', '1.5', '1.5-rc1', 'release/2.0'));
  expect(matches.map((match) => match.version)).toEqual(['1.5']);
  expect(below.map((match) => match.version)).toEqual(['1.4.9', '1.5-rc1']);
  expect(unusable.map((match) => match.version)).toEqual(['release/2.0']);
});

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { anchored, groupsOf, tagsProblem, templateVariables, versionOfTag } from './tags.ts';

const version = (tags: string, tag: string, versionTemplate = '${version}') =>
  versionOfTag({ tags: anchored(tags), versionTemplate }, tag);

describe('the version of a tag', () => {
  test.each([
    { name: 'the group called version', tags: 'v(?<version>\\d+\\.\\d+)', tag: 'v1.27', is: '1.27' },
    { name: 'the whole match without one', tags: '\\d+\\.\\d+', tag: '1.27', is: '1.27' },
    { name: 'nothing when only a part matches', tags: 'v\\d+', tag: 'v1-rc1', is: null },
    { name: 'alternatives are anchored together', tags: 'a|b', tag: 'ab', is: null },
    { name: 'nothing when it would be empty', tags: '(?<version>)x', tag: 'x', is: null },
  ])('$name', ({ tags, tag, is }) => expect(version(tags, tag)).toBe(is));

  test.each([
    {
      name: 'groups are put together',
      tags: 'r-(?<major>\\d+)_(?<minor>\\d+)',
      template: '${major}.${minor}-1',
      tag: 'r-1_2',
      is: '1.2-1',
    },
    { name: 'a group that took no part is empty', tags: '(?<a>\\d)(?<b>b)?', template: '${a}${b}', tag: '1', is: '1' },
    {
      name: 'a name of Object.prototype is no group',
      tags: '(?<a>.*)',
      template: '${a}${toString}',
      tag: 'x',
      is: 'x',
    },
    { name: '$& in a tag is plain text', tags: '(?<a>.*)', template: '<${a}>', tag: '$&', is: '<$&>' },
  ])('$name', ({ tags, template, tag, is }) => expect(version(tags, tag, template)).toBe(is));

  test('no tags, no version', () => {
    expect(versionOfTag({ tags: null, versionTemplate: '${version}' }, 'v1')).toBeNull();
  });
});

test('the groups of an expression and the variables of a template', () => {
  expect(groupsOf('v(?<major>\\d+)(\\.(?<minor>\\d+))?')).toEqual(['major', 'minor']);
  expect(groupsOf('v\\d+')).toEqual([]);
  expect(templateVariables('${major}.${minor}-1')).toEqual(['major', 'minor']);
});

test('an expression that does not compile, or not once it is anchored, is refused', () => {
  expect(tagsProblem('v(')?.message).toContain('is not a regular expression');
  expect(tagsProblem('a)|(b')?.message).toContain('is not a regular expression');
  expect(tagsProblem('v(?<version>\\d+(\\.\\d+)*)(-rc\\d+)?')).toBeNull();
});

test.each(['(?!x)a', '(?=x).', '(a)\\1', '(?<n>a)\\k<n>'])('%s cannot run in linear time and is refused', (tags) => {
  expect(tagsProblem(tags)?.message).toContain('look-ahead');
});

test('an accepted expression answers, however much it would backtrack', () => {
  expect(tagsProblem('(?<version>(a+)+)')).toBeNull();
  // By backtracking this takes 2⁵⁰⁰⁰ steps, so that any answer is a proof.
  expect(version('(?<version>(a+)+)', `${'a'.repeat(5000)}!`)).toBeNull();
});

test('no text makes the check throw, and what it accepts can be used', () => {
  const pieces = fc.constantFrom(
    '(',
    ')',
    '?<a>',
    '?:',
    '[',
    ']',
    '\\d',
    '\\',
    '*',
    '+',
    '|',
    'v',
    '.',
    '{2}',
    '^',
    '$',
    '?=',
    '\n',
  );
  const tags = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(tags, fc.string(), (expression, tag) => {
      if (tagsProblem(expression) !== null) return;
      groupsOf(expression);
      version(expression, tag);
    }),
    { numRuns: 1000 },
  );
});

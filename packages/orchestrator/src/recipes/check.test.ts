import type { Recipe } from '@kiln/protocol/recipe.ts';
import { formatPath } from '@kiln/service/problem.ts';
import { describe, expect, test } from 'vitest';
import { checkRecipe } from './check.ts';
import { MAX_JOBS, unfold } from './matrix.ts';

const issues = (recipe: Recipe) =>
  checkRecipe(recipe).map(({ path, message, fix }) => `${formatPath(path)} | ${message}${fix ? ` | ${fix}` : ''}`);
const steps = ['make'];
const upstream = { git: 'https://h/a/b', tags: 'v(?<version>.*)' };

test('a recipe that uses everything rightly', () => {
  expect(
    issues({
      upstream: {
        ...upstream,
        version: '${version}-1',
        min_version: '1.0',
        poll: '1h',
        repository: 'a/b',
        first_sight: 2,
      },
      triggers: ['tag', 'manual', { push: 'release/*' }, { schedule: '30 4 * * 1-5', timezone: 'Europe/Berlin' }],
      retries: { backoff: [0, '1m'] },
      jobs: {
        a: {
          steps,
          'runs-on': ['kiln:host:x', 'os:${MATRIX_OS}'],
          matrix: { os: ['linux', 'mac'] },
          artifacts: ['out/**'],
        },
        b: { needs: 'a', phases: [{ name: 'x', steps: [{ run: 'x', working_directory: 'src/..x', timeout: '1m' }] }] },
      },
      publish: {},
    }),
  ).toEqual([]);
});

describe('jobs', () => {
  test.each<[string, Recipe, string]>([
    ['nothing at all', {}, ' | the recipe has nothing to run | add steps or phases'],
    ['no jobs', { jobs: {} }, 'jobs | jobs is empty | add a job with steps'],
    ['an empty job', { jobs: { a: {} } }, 'jobs.a | jobs.a has nothing to run | add steps or phases'],
    [
      'two forms',
      { jobs: { a: { steps } }, steps },
      "steps | steps can't stand beside jobs | move steps into one of the jobs",
    ],
    [
      'artifacts beside jobs',
      { jobs: { a: { steps } }, artifacts: ['x'] },
      "artifacts | artifacts can't stand beside jobs",
    ],
    ['steps and phases', { steps, phases: [{ name: 'a', steps }] }, 'steps | the recipe has both steps and phases'],
    [
      'two phases of one name',
      {
        phases: [
          { name: 'a', steps },
          { name: 'a', steps },
        ],
      },
      'phases[1].name | there are two phases called "a"',
    ],
    ['an empty command', { steps: [' \n'] }, 'steps[0] | steps[0] is empty | write a command'],
    ['an empty long command', { steps: [{ run: '' }] }, 'steps[0].run | steps[0].run is empty'],
    [
      'a way out',
      { steps: [{ run: 'x', working_directory: 'a/../../b' }] },
      'steps[0].working_directory | steps[0].working_directory leaves the checkout: "a/../../b"',
    ],
    [
      'an absolute artifact',
      { steps, artifacts: ['/etc/passwd'] },
      'artifacts[0] | artifacts[0] leaves the checkout: "/etc/passwd"',
    ],
    [
      'an unknown need',
      { jobs: { tests: { steps }, b: { needs: ['test'], steps } } },
      'jobs.b.needs | there is no job "test" | did you mean "tests"?',
    ],
    [
      'a job that needs itself',
      { jobs: { a: { needs: 'a', steps } } },
      'jobs.a.needs | jobs wait for each other: a needs a',
    ],
    [
      'a cycle',
      {
        jobs: {
          z: { needs: 'a', steps },
          a: { needs: 'b', steps },
          b: { needs: ['c'], steps },
          c: { needs: 'a', steps },
        },
      },
      'jobs.a.needs | jobs wait for each other: a needs b needs c needs a | take one of these needs out',
    ],
    ['a label with a blank', { steps, 'runs-on': 'a b' }, 'runs-on | "a b" is not a label'],
    [
      'an unknown placeholder',
      { jobs: { a: { steps, 'runs-on': ['${MATRIX_X}'] } } },
      'jobs.a.runs-on[0] | "${MATRIX_X}" is not a label',
    ],
    [
      'a value twice',
      { jobs: { a: { steps, matrix: { n: [1, '1'] } } } },
      'jobs.a.matrix.n[1] | jobs.a.matrix.n[1]: "1" is listed twice',
    ],
    [
      'a value of two lines',
      { jobs: { a: { steps, matrix: { n: ['a\nb'] } } } },
      'jobs.a.matrix.n[0] | jobs.a.matrix.n[0] must be one line',
    ],
    ['a limit of zero', { steps, timeout: 0 }, 'timeout | timeout is 0, which is too short | write at least 1ms'],
    [
      'a limit beyond every timer',
      { steps, timeout: '25d' },
      'timeout | timeout is "25d", which is too long | write at most 24d',
    ],
    ['a NUL', { steps, description: 'a\0b' }, 'description | description has a NUL character in it | take it out'],
    [
      'half a character',
      { steps: [{ name: '\ud800', run: 'x' }] },
      'steps[0].name | steps[0].name has half a character (a lone surrogate) in it',
    ],
    ['a NUL in a command', { steps: ['x\0'] }, 'steps[0] | steps[0] has a NUL character in it'],
    [
      'more steps than can be told about',
      { steps: Array(1001).fill('x') },
      ' | the recipe has 1001 steps | put several commands into one step; 1000 steps are allowed',
    ],
    ['nothing to publish', { steps, publish: {} }, 'publish | publish has nothing to publish: no job keeps artifacts'],
  ])('%s', (_name, recipe, expected) => {
    const found = issues(recipe);
    expect(found).toHaveLength(1);
    expect(found[0]?.startsWith(expected)).toBe(true);
  });

  test('a matrix that explodes is refused without unfolding it', () => {
    const axis = Array.from({ length: 50 }, (_, i) => i);
    const matrix = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`a${i}`, axis]));
    // 50¹⁰ combinations: no machine could have written them out.
    expect(issues({ jobs: { a: { steps, matrix } } })[0]).toContain('more than 256 jobs');
    expect(unfold(matrix)).toHaveLength(MAX_JOBS + 1);
  });
});

describe('upstream and triggers', () => {
  test.each<[string, Recipe, string]>([
    [
      'a bad expression',
      { upstream: { git: 'x', tags: 'v(' }, steps },
      'upstream.tags | upstream.tags is not a regular expression: /v(/: Unterminated group',
    ],
    [
      'an unknown group',
      { upstream: { ...upstream, version: '${vers}' }, steps },
      'upstream.version | upstream.tags has no group "vers" | known are version',
    ],
    [
      'a template without a group',
      { upstream: { ...upstream, version: '1.0' }, steps },
      'upstream.version | upstream.version "1.0" is the same for every tag | use ${version}',
    ],
    [
      'a template without tags',
      { upstream: { git: 'x', version: '${version}' }, steps },
      'upstream.version | upstream.version needs upstream.tags',
    ],
    [
      'a least version that is none',
      { upstream: { ...upstream, min_version: 'newest' }, steps },
      'upstream.min_version | upstream.min_version "newest" is not a version',
    ],
    [
      'a poll that never rests',
      { upstream: { ...upstream, poll: '10ms' }, steps },
      'upstream.poll | upstream.poll is "10ms", which is too short | write at least 1s, or write false for never',
    ],
    [
      'a name that is no owner/name',
      { upstream: { ...upstream, repository: 'b' }, steps },
      'upstream.repository | upstream.repository must be owner/name, not "b"',
    ],
    [
      'tag without tags',
      { upstream: { git: 'x' }, triggers: ['tag'], steps },
      'triggers[0] | trigger tag needs upstream.tags',
    ],
    [
      'push without upstream',
      { triggers: [{ push: 'main' }], steps },
      'triggers[0].push | trigger push needs an upstream',
    ],
    [
      'a branch that can not be',
      { upstream, triggers: [{ push: 'a b' }], steps },
      'triggers[0].push | "a b" is not the name of a branch',
    ],
    ['twice the same', { triggers: ['manual', 'manual'], steps }, 'triggers[1] | trigger "manual" is listed twice'],
    [
      'seconds in a schedule',
      { triggers: [{ schedule: '* * * * * *' }], steps },
      'triggers[0].schedule | "* * * * * *" is not a cron expression | write five fields',
    ],
    [
      'a minute that can not be',
      { triggers: [{ schedule: '61 * * * *' }], steps },
      'triggers[0].schedule | "61 * * * *" is not a cron expression: Invalid value for minute: 61',
    ],
    [
      'a day that never comes',
      { triggers: [{ schedule: '0 0 30 2 *' }], steps },
      'triggers[0].schedule | "0 0 30 2 *" never comes',
    ],
    [
      'an unknown time zone',
      { triggers: [{ schedule: '@daily', timezone: 'Mars/Base' }], steps },
      'triggers[0].timezone | there is no time zone "Mars/Base"',
    ],
  ])('%s', (_name, recipe, expected) => {
    const found = issues(recipe);
    expect(found).toHaveLength(1);
    expect(found[0]?.slice(0, expected.length)).toBe(expected);
  });
});

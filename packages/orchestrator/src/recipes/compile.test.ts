import { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { Recipe } from '@kiln/protocol/recipe.ts';
import { asJsonSchema } from '@kiln/service/json-schema.ts';
import { anyOfSchema } from '@kiln/service/testing-schemas.ts';
import fc from 'fast-check';
import { Check } from 'typebox/value';
import { expect, test } from 'vitest';
import { checkRecipe } from './check.ts';
import { compileRecipe } from './compile.ts';

const compile = (recipe: Recipe) => compileRecipe(recipe, 'nginx', '/farm/recipes');

test('the shortest recipe gets every default', () => {
  expect(compile({ steps: ['make'] })).toEqual({
    name: 'nginx',
    description: '',
    upstream: null,
    triggers: ['manual'],
    priority: 0,
    concurrency: null,
    retries: { max: null, backoffSeconds: [60, 300, 900, 3600, 21_600, 86_400] },
    jobs: [
      {
        name: 'build',
        needs: [],
        labels: [],
        environment: {},
        secrets: [],
        checkout: false,
        timeoutMs: 3_600_000,
        phases: [
          {
            name: 'build',
            weight: 1,
            steps: [
              {
                name: 'make',
                run: 'make',
                shell: 'sh',
                workingDirectory: null,
                environment: {},
                timeoutMs: null,
                continueOnError: false,
                always: false,
              },
            ],
          },
        ],
        artifacts: [],
        logLimitBytes: 10_737_418_240,
      },
    ],
    publish: null,
  });
});

test('an upstream gets its defaults, its name and the default triggers', () => {
  const { upstream, triggers, jobs } = compile({
    upstream: { git: 'https://github.com/Nginx/nginx.git', tags: 'release-(?<version>.*)' },
    steps: ['make'],
  });
  expect(upstream).toEqual({
    git: 'https://github.com/Nginx/nginx.git',
    tags: '^(?:release-(?<version>.*))$',
    versionTemplate: '${version}',
    minVersion: null,
    pollMs: 900_000,
    jitter: 0.1,
    webhook: true,
    repository: 'nginx/nginx',
    firstSight: 1,
  });
  expect(triggers).toEqual(['tag', 'manual']);
  expect(jobs[0]?.checkout).toBe(true);
});

test('what an upstream says itself', () => {
  const upstream = {
    git: '../hello',
    tags: 'v(.*)',
    version: '${version}-1',
    min_version: '1.2',
    poll: '2m',
    jitter: 0,
    webhook: false,
    repository: '/Owner/Name.git',
    first_sight: 'all',
  } as const;
  expect(compile({ upstream, steps: ['x'] }).upstream).toMatchObject({
    git: '/farm/hello',
    versionTemplate: '${version}-1',
    minVersion: '1.2',
    pollMs: 120_000,
    jitter: 0,
    webhook: false,
    repository: 'owner/name',
    firstSight: null,
  });
  expect(compile({ upstream: { git: '../x', poll: false, first_sight: 3 }, steps: ['x'] })).toMatchObject({
    upstream: { pollMs: null, tags: null, repository: null, firstSight: 3 },
    triggers: ['manual'],
  });
});

test('a matrix becomes a job for each combination, and who needs the job needs all of them', () => {
  const { jobs } = compile({
    environment: { A: 'top', B: 'top' },
    'runs-on': 'big',
    timeout: '5m',
    jobs: {
      test: {
        matrix: { node: [22, 24], os: ['linux'] },
        'runs-on': ['os:${MATRIX_OS}', 'os:${MATRIX_OS}', '${OTHER}'],
        environment: { B: 'job', C: 1, D: true },
        steps: ['x'],
      },
      pack: { needs: ['test', 'test'], timeout: 90, steps: ['x'] },
    },
  });
  expect(jobs.map(({ name, needs, labels, timeoutMs }) => ({ name, needs, labels, timeoutMs }))).toEqual([
    { name: 'test (node=22, os=linux)', needs: [], labels: ['os:linux', '${OTHER}'], timeoutMs: 300_000 },
    { name: 'test (node=24, os=linux)', needs: [], labels: ['os:linux', '${OTHER}'], timeoutMs: 300_000 },
    {
      name: 'pack',
      needs: ['test (node=22, os=linux)', 'test (node=24, os=linux)'],
      labels: ['big'],
      timeoutMs: 90_000,
    },
  ]);
  expect(jobs[1]?.environment).toEqual({
    A: 'top',
    B: 'job',
    C: '1',
    D: 'true',
    MATRIX_NODE: '24',
    MATRIX_OS: 'linux',
  });
});

test('a step is called by the first line of its command, at most 60 characters', () => {
  const names = (run: string) => compile({ steps: [run] }).jobs[0]?.phases[0]?.steps[0]?.name;
  expect(names('\n  make all\nmake install\n')).toBe('make all');
  expect(names('x'.repeat(60))).toBe('x'.repeat(60));
  expect(names('x'.repeat(61))).toBe(`${'x'.repeat(59)}…`);
  expect([...(names('🙂'.repeat(70)) ?? '')]).toHaveLength(60);
});

test('publish defaults to all artifacts, under the name of the recipe, in main', () => {
  expect(compile({ steps: ['x'], artifacts: ['a'], publish: {} }).publish).toEqual({
    repository: 'main',
    package: 'nginx',
    files: ['**'],
    keep: 1,
  });
  expect(compile({ name: 'other', steps: ['x'], publish: { keep: 2 } }).publish).toMatchObject({ package: 'other' });
});

test('retries are seconds', () => {
  expect(compile({ steps: ['x'], retries: { max: 2, backoff: ['500ms', '1m', 5] } }).retries).toEqual({
    max: 2,
    backoffSeconds: [0.5, 60, 5],
  });
});

test('any recipe that fits the schema is checked and compiled without an exception, and the result fits its schema', () => {
  fc.assert(
    fc.property(anyOfSchema(asJsonSchema(Recipe)), (value) => {
      const recipe = value as Recipe;
      const issues = checkRecipe(recipe);
      const compiled = compile(recipe);
      expect(Check(CompiledRecipe, compiled)).toBe(true);
      const names = compiled.jobs.map((job) => job.name);
      expect(new Set(names).size).toBe(names.length);
      for (const need of compiled.jobs.flatMap((job) => job.needs)) expect(names).toContain(need);
      if (issues.length > 0) return;
      for (const job of compiled.jobs) expect(job.phases.flatMap((phase) => phase.steps)).not.toEqual([]);
      expect(JSON.parse(JSON.stringify(compiled))).toEqual(compiled);
    }),
    { numRuns: 500 },
  );
});

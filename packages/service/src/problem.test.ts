import { expect, test } from 'vitest';
import { formatPath, formatProblem, nearest, suggestion } from './problem.ts';

test('a problem reads as editors and terminals link it', () => {
  const problem = { file: 'kiln.yaml', line: 7, column: 3, path: 'x', message: 'unknown key "x"' };
  expect(formatProblem(problem)).toBe('kiln.yaml:7:3 unknown key "x"');
  expect(formatProblem({ ...problem, column: null, fix: 'remove it' })).toBe('kiln.yaml:7 unknown key "x"; remove it');
  expect(formatProblem({ ...problem, line: null, column: null })).toBe('kiln.yaml unknown key "x"');
});

test('paths', () => {
  expect(formatPath(['jobs', 'test', 'steps', 0, 'run'])).toBe('jobs.test.steps[0].run');
  expect(formatPath(['jobs', 'runs-on', 'a b'])).toBe('jobs.runs-on["a b"]');
  expect(formatPath([0, 'x'])).toBe('[0].x');
  expect(formatPath([])).toBe('');
});

test('the nearest word is only given when it may be meant', () => {
  const words = ['recipes_dir', 'http', 'orchestrator', 'log'];
  expect(nearest('recipe_dir', words)).toBe('recipes_dir');
  expect(nearest('HTTP', words)).toBe('http');
  expect(nearest('orchestartor', words)).toBe('orchestrator');
  expect(nearest('database', words)).toBeNull();
  expect(nearest('gti', ['git', 'tags'])).toBe('git');
  expect(nearest('ab', ['xy', 'cd'])).toBeNull();
  expect(suggestion('nothing', ['a', 'b'])).toBe('known are a, b');
  expect(suggestion('nothing', [])).toBeUndefined();
});

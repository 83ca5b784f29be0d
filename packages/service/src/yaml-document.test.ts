import { Recipe } from '@kiln/protocol/recipe.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatProblem } from './problem.ts';
import { parseYaml, validateYaml } from './yaml-document.ts';

const problems = (text: string) => validateYaml(parseYaml(text, 'r.yaml'), Recipe).map(formatProblem);

test('each problem has the line and column of its key or value', () => {
  expect(problems('steps:\n  - make\n  - run: make test\n    nam: x\ntimeout: 3 min\n')).toEqual([
    'r.yaml:4:5 unknown key "nam"; did you mean "name"?',
    'r.yaml:5:10 timeout must be text (a number with a unit: 500ms, 90s, 15m, 6h, 1d); or a number of seconds, not "3 min"',
  ]);
});

test('an empty value is shown at its key', () => {
  expect(problems('steps:\nname: x\n')[0]).toMatch(/^r\.yaml:1:1 steps is empty/);
});

test('what YAML made a number is shown as it was typed', () => {
  expect(problems('upstream:\n  git: x\n  min_version: 1.10\n')).toEqual([
    'r.yaml:3:16 upstream.min_version must be text, not 1.1; put it in quotes: "1.10"',
  ]);
});

test('syntax errors, duplicate keys, unknown tags and second documents', () => {
  expect(problems('steps: [a\n')[0]).toMatch(/^r\.yaml:2:1 /);
  expect(problems('name: a\nname: b\n')).toEqual(['r.yaml:2:1 the key "name" is written twice; keep one of the two']);
  expect(problems('name: !secret a\n')[0]).toMatch(/^r\.yaml:1:7 unresolved tag/);
  expect(problems('name: a\n---\nname: b\n')).toHaveLength(1);
  expect(problems('name:\n\t- a\n')[0]).toMatch(/^r\.yaml:2:/);
  expect(problems('')).toEqual(['r.yaml:1:1 the file is empty; it must be a mapping']);
});

test('anchors, aliases and merges work, and their problems are found where they are written', () => {
  const text = 'jobs:\n  a: &base\n    steps: [make]\n  b:\n    <<: *base\n    timeout: 1h\n  c: *base\n';
  expect(problems(text)).toEqual([]);
  expect(problems(text.replace('steps: [make]', 'steps: [5]'))[0]).toMatch(/^r\.yaml:3:13 jobs\.a\.steps\[0\]/);
});

test('a file of aliases to aliases does not fill the memory', () => {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 9; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  expect(problems(lines.join('\n'))).toHaveLength(1);
});

test('no text makes it throw', () => {
  const pieces = fc.constantFrom(
    'steps',
    ':',
    ' ',
    '\n',
    '- ',
    '[',
    ']',
    '{',
    '}',
    '&a',
    '*a',
    '<<',
    '"',
    "'",
    '|',
    '!!x',
    '\t',
    '1.10',
    '?',
    '---',
  );
  const texts = fc.oneof(
    fc.string(),
    fc.array(pieces, { maxLength: 20 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      for (const problem of validateYaml(parseYaml(text, 'r.yaml'), Recipe)) {
        expect(problem.line).toBeGreaterThan(0);
        expect(problem.column).toBeGreaterThan(0);
      }
    }),
    { numRuns: 1000 },
  );
});

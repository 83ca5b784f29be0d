import { Config } from '@kiln/protocol/config.ts';
import { Recipe } from '@kiln/protocol/recipe.ts';
import fc from 'fast-check';
import type { TSchema } from 'typebox';
import { Check } from 'typebox/value';
import { describe, expect, test } from 'vitest';
import { asJsonSchema, type JsonSchema } from './json-schema.ts';
import { checkSchema } from './schema-check.ts';
import { anyOfSchema, nearSchema } from './testing-schemas.ts';

const HANDLED = new Set(
  `type title description default examples const enum anyOf properties patternProperties additionalProperties required
   items minItems minimum maximum exclusiveMinimum minLength maxLength pattern`.split(/\s+/),
);

function keywordsOf(schema: JsonSchema): string[] {
  const inner = [
    ...(schema.anyOf ?? []),
    ...Object.values(schema.properties ?? {}),
    ...Object.values(schema.patternProperties ?? {}),
    ...(schema.items ? [schema.items] : []),
  ];
  return [...Object.keys(schema), ...inner.flatMap(keywordsOf)];
}

describe.each<[string, TSchema]>([
  ['Config', Config],
  ['Recipe', Recipe],
])('%s', (_name, schema) => {
  test('uses no keyword that the check does not know', () => {
    expect(keywordsOf(asJsonSchema(schema)).filter((keyword) => !HANDLED.has(keyword))).toEqual([]);
  });

  test('a value that TypeBox accepts has no issue', () => {
    fc.assert(
      fc.property(anyOfSchema(asJsonSchema(schema)), (value) => {
        expect(Check(schema, value)).toBe(true);
        expect(checkSchema(asJsonSchema(schema), value)).toEqual([]);
      }),
    );
  });

  test('of any value at all, the check and TypeBox say the same', () => {
    fc.assert(
      fc.property(nearSchema(asJsonSchema(schema)), (value) => {
        expect(checkSchema(asJsonSchema(schema), value).length === 0).toBe(Check(schema, value));
      }),
      { numRuns: 500 },
    );
  });
});

const messages = (value: unknown) =>
  checkSchema(asJsonSchema(Recipe), value).map(({ message, fix }) => (fix ? `${message}; ${fix}` : message));

test('a union says what is allowed', () => {
  expect(messages({ triggers: ['tg'] })[0]).toMatch(
    /^triggers\[0\] must be one of tag, manual; or a mapping \{push\}; .*, not "tg"; did you mean "tag"\?$/,
  );
  expect(messages({ upstream: { git: 'x', poll: true } })).toEqual([
    'upstream.poll must be text (a number with a unit: 500ms, 90s, 15m, 6h, 1d); or a number of seconds; or false, not true',
  ]);
});

test('in a union of mappings the one that was meant is explained', () => {
  expect(messages({ triggers: [{ psh: 'main' }] })).toEqual(['unknown key "psh"; did you mean "push"?']);
  expect(messages({ triggers: [{ schedule: '* * * * *', timezon: 'UTC' }] })).toEqual([
    'unknown key "timezon"; did you mean "timezone"?',
  ]);
  expect(messages({ steps: [{ name: 'x' }] })).toEqual(['steps[0] needs the key "run"']);
});

test('empty values, lists and texts that look like numbers', () => {
  expect(messages({ steps: null })[0]).toMatch(/^steps is empty; it must be a list/);
  expect(messages({ steps: [] })).toEqual(['steps must have at least 1 entry, it has none']);
  expect(messages({ upstream: { git: 'x', min_version: 1.2 } })).toEqual([
    'upstream.min_version must be text, not 1.2; put it in quotes: "1.2"',
  ]);
  expect(messages([])).toEqual(['the file must be a mapping, not a list']);
  expect(messages({ name: 10n })[0]).toContain('not 10n');
});

import fc from 'fast-check';
import type { JsonSchema } from './json-schema.ts';

/** For tests: values that fit a schema. */
export function anyOfSchema(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(anyOfSchema));
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'string':
      return textOf(schema);
    case 'integer':
      return fc.integer({ min: schema.minimum ?? -1000, max: schema.maximum ?? 1_000_000_000 });
    case 'number':
      return fc.double({
        min: schema.minimum ?? schema.exclusiveMinimum ?? -1e6,
        max: schema.maximum ?? 1e6,
        minExcluded: schema.exclusiveMinimum !== undefined,
        noNaN: true,
      });
    case 'boolean':
      return fc.boolean();
    case 'array':
      return fc.array(anyOfSchema(schema.items ?? {}), { minLength: schema.minItems ?? 0, maxLength: 3 });
    case 'object':
      return mappingOf(schema);
    default:
      return fc.jsonValue();
  }
}

/** For tests: values that fit a schema, or nearly, or not at all. */
export function nearSchema(schema: JsonSchema): fc.Arbitrary<unknown> {
  const junk = fc.oneof(fc.jsonValue(), fc.constantFrom(null, '', -1, 1e12, true, [], {}));
  const mutated = fc.tuple(anyOfSchema(schema), fc.nat(), junk, fc.string()).map(([value, at, other, key]) => {
    return mutate(value, { count: at % 12 }, other, key);
  });
  return fc.oneof({ weight: 8, arbitrary: mutated }, { weight: 1, arbitrary: junk });
}

/** Replaces the n-th value inside, or adds a key to the n-th mapping. */
function mutate(value: unknown, left: { count: number }, other: unknown, key: string): unknown {
  if (left.count-- === 0) {
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value, [key]: other } : other;
  }
  if (Array.isArray(value)) return value.map((item) => mutate(item, left, other, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, mutate(inner, left, other, key)]));
}

function textOf({ pattern, minLength = 0, maxLength = 12 }: JsonSchema): fc.Arbitrary<string> {
  if (pattern) return matching(pattern);
  return fc.string({ minLength, maxLength: Math.max(minLength, Math.min(maxLength, 12)) });
}

/** Texts that match a pattern. fast-check can't make them for look-ahead, so that part is filtered. */
function matching(pattern: string): fc.Arbitrary<string> {
  const expression = new RegExp(pattern, 'u');
  const makeable = new RegExp(pattern.replace(/\(\?[!=](\([^)]*\)|[^()])*\)/g, ''), 'u');
  return fc.stringMatching(makeable, { maxLength: 60 }).filter((text) => expression.test(text));
}

function mappingOf({ properties, patternProperties, required = [] }: JsonSchema): fc.Arbitrary<unknown> {
  const entries = Object.entries(properties ?? {}).map(([key, inner]) => [key, anyOfSchema(inner)] as const);
  const fixed = fc.record(Object.fromEntries(entries), { requiredKeys: required });
  const [pattern, inner] = Object.entries(patternProperties ?? {})[0] ?? [];
  if (pattern === undefined || inner === undefined) return fixed;
  return fc
    .tuple(fixed, fc.dictionary(matching(pattern), anyOfSchema(inner), { maxKeys: 3 }))
    .map(([a, b]) => ({ ...a, ...b }));
}

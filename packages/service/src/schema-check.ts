import { alternatives, describeSchema, type JsonSchema } from './json-schema.ts';
import { formatPath, type Path, suggestion } from './problem.ts';

/** Where a value departs from its schema. `onKey`: the key itself is wrong, not what it holds. */
export interface Issue {
  path: Path;
  onKey: boolean;
  message: string;
  fix?: string;
  /** A number or true/false stands where text is wanted: quotes would help. */
  needsQuotes?: true;
}

/**
 * Compares a value with its schema and says every difference in words that name the key, the value and what is
 * allowed. Where a union fails, the branch that the writer most likely meant is explained, not all of them.
 */
export function checkSchema(schema: JsonSchema, value: unknown, path: Path = []): Issue[] {
  if (schema.anyOf) return checkUnion(schema, value, path);
  if (schema.const !== undefined) return value === schema.const ? [] : [mismatch(schema, value, path)];
  if (schema.enum) return schema.enum.includes(value) ? [] : [mismatch(schema, value, path)];
  switch (schema.type) {
    case 'string':
      return typeof value === 'string' && fitsString(schema, value) ? [] : [mismatch(schema, value, path)];
    case 'integer':
    case 'number':
      return fitsNumber(schema, value) ? [] : [mismatch(schema, value, path)];
    case 'boolean':
      return typeof value === 'boolean' ? [] : [mismatch(schema, value, path)];
    case 'array':
      return checkArray(schema, value, path);
    case 'object':
      return isMapping(value) ? checkObject(schema, value, path) : [mismatch(schema, value, path)];
    default:
      return [];
  }
}

/** Whether a value is a mapping of keys to values: not a list, not null. */
export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkArray(schema: JsonSchema, value: unknown, path: Path): Issue[] {
  if (!Array.isArray(value)) return [mismatch(schema, value, path)];
  if (value.length < (schema.minItems ?? 0)) {
    return [{ path, onKey: false, message: `${named(path)} must have at least ${schema.minItems} entry, it has none` }];
  }
  return value.flatMap((item, index) => checkSchema(schema.items ?? {}, item, [...path, index]));
}

function checkObject(schema: JsonSchema, value: Record<string, unknown>, path: Path): Issue[] {
  const properties = schema.properties ?? {};
  const patterns = Object.entries(schema.patternProperties ?? {});
  const missing = (schema.required ?? [])
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => ({ path, onKey: false, message: `${named(path)} needs the key "${key}"` }));
  const wrong = Object.entries(value).flatMap(([key, item]): Issue[] => {
    const at = [...path, key];
    if (Object.hasOwn(properties, key)) return checkSchema(properties[key] ?? {}, item, at);
    const matching = patterns.filter(([pattern]) => new RegExp(pattern, 'u').test(key));
    if (matching.length > 0) return matching.flatMap(([, inner]) => checkSchema(inner, item, at));
    if (schema.additionalProperties !== false) return [];
    if (patterns.length > 0) return [badName(key, patterns[0]?.[0] ?? '', at)];
    return [unknownKey(key, Object.keys(properties), at)];
  });
  return [...missing, ...wrong];
}

function checkUnion(schema: JsonSchema, value: unknown, path: Path): Issue[] {
  const branches = alternatives(schema);
  if (branches.some((branch) => checkSchema(branch, value, path).length === 0)) return [];
  const meant = branches.filter((branch) => sameShape(branch, value));
  if (meant.length === 0) return [mismatch(schema, value, path)];
  const results = meant.map((branch) => checkSchema(branch, value, path));
  if (isMapping(value) && meant.length > 1) return explainMapping(meant, results, schema, value, path);
  return results[0] ?? [];
}

/** Of several mappings that could be meant, the one that shares a key with the value; else the nearest key of all. */
function explainMapping(
  branches: JsonSchema[],
  results: Issue[][],
  union: JsonSchema,
  value: Record<string, unknown>,
  path: Path,
): Issue[] {
  const shared = branches.findIndex((branch) => Object.keys(value).some((key) => branch.properties?.[key]));
  if (shared >= 0) return results[shared] ?? [];
  const [first] = Object.keys(value);
  if (first === undefined) return [mismatch(union, value, path)];
  return [
    unknownKey(
      first,
      branches.flatMap((branch) => Object.keys(branch.properties ?? {})),
      [...path, first],
    ),
  ];
}

/** Whether a failing value is at least of the branch's structure, so that its inner differences tell more. */
function sameShape(schema: JsonSchema, value: unknown): boolean {
  return (schema.type === 'object' && isMapping(value)) || (schema.type === 'array' && Array.isArray(value));
}

function fitsString({ minLength, maxLength, pattern }: JsonSchema, value: string): boolean {
  // JSON Schema counts characters, not UTF-16 units.
  const length = [...value].length;
  if (length < (minLength ?? 0) || length > (maxLength ?? Number.POSITIVE_INFINITY)) return false;
  return pattern === undefined || new RegExp(pattern, 'u').test(value);
}

function fitsNumber({ type, minimum, maximum, exclusiveMinimum }: JsonSchema, value: unknown): boolean {
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  if (type === 'integer' && !Number.isInteger(value)) return false;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return false;
  return value >= (minimum ?? Number.NEGATIVE_INFINITY) && value <= (maximum ?? Number.POSITIVE_INFINITY);
}

function mismatch(schema: JsonSchema, value: unknown, path: Path): Issue {
  const allowed = describeSchema(schema);
  const message =
    value === null || value === undefined
      ? `${named(path)} is empty; it must be ${allowed}`
      : `${named(path)} must be ${allowed}, not ${shown(value)}`;
  if (wantsQuotes(schema, value)) {
    return { path, onKey: false, message, fix: `put it in quotes: "${String(value)}"`, needsQuotes: true };
  }
  const fix = typeof value === 'string' ? nearConstant(schema, value) : undefined;
  return { path, onKey: false, message, ...(fix ? { fix } : {}) };
}

function wantsQuotes(schema: JsonSchema, value: unknown): boolean {
  if (typeof value !== 'number' && typeof value !== 'boolean') return false;
  return alternatives(schema).some((choice) => choice.type === 'string' && fitsString(choice, String(value)));
}

function nearConstant(schema: JsonSchema, value: string): string | undefined {
  const constants = alternatives(schema).flatMap((choice) => (typeof choice.const === 'string' ? [choice.const] : []));
  const words = [...constants, ...(schema.enum ?? []).filter((entry) => typeof entry === 'string')];
  const fix = suggestion(value, words);
  return fix?.startsWith('did') ? fix : undefined;
}

function unknownKey(key: string, known: readonly string[], path: Path): Issue {
  const fix = suggestion(
    key,
    known.filter((name) => name !== '$schema'),
  );
  return { path, onKey: true, message: `unknown key "${key}"`, ...(fix ? { fix } : {}) };
}

function badName(key: string, pattern: string, path: Path): Issue {
  return { path, onKey: true, message: `"${key}" can't be a name here`, fix: `names must match ${pattern}` };
}

function named(path: Path): string {
  return path.length === 0 ? 'the file' : formatPath(path);
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  if (isMapping(value)) return 'a mapping';
  const text = typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

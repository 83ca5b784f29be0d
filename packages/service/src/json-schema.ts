import type { TSchema } from 'typebox';

/** The part of JSON Schema that Kiln's own schemas use: the type of what TypeBox builds, seen as plain data. */
export interface JsonSchema {
  type?: string | undefined;
  title?: string | undefined;
  description?: string | undefined;
  default?: unknown;
  examples?: unknown[] | undefined;
  const?: unknown;
  enum?: unknown[] | undefined;
  anyOf?: JsonSchema[] | undefined;
  properties?: Record<string, JsonSchema> | undefined;
  patternProperties?: Record<string, JsonSchema> | undefined;
  additionalProperties?: boolean | undefined;
  required?: string[] | undefined;
  items?: JsonSchema | undefined;
  minItems?: number | undefined;
  minimum?: number | undefined;
  maximum?: number | undefined;
  exclusiveMinimum?: number | undefined;
  minLength?: number | undefined;
  maxLength?: number | undefined;
  pattern?: string | undefined;
}

/** A TypeBox schema as the plain JSON Schema that it is. */
export function asJsonSchema(schema: TSchema): JsonSchema {
  return schema as JsonSchema;
}

/** The choices of a union, with unions inside unions laid flat; the schema itself when it is none. */
export function alternatives(schema: JsonSchema): JsonSchema[] {
  if (!schema.anyOf) return [schema];
  return schema.anyOf.flatMap(alternatives);
}

/** What a schema takes, in words: `a whole number, at least 1`, `one of debug, info, warn, error`. */
export function describeSchema(schema: JsonSchema): string {
  const choices = alternatives(schema);
  if (choices.length === 1 && choices[0]) return describeOne(choices[0]);
  const constants = choices.filter((choice) => choice.const !== undefined && choice.const !== false);
  const others = choices.filter((choice) => !constants.includes(choice)).map(describeOne);
  const words = constants.map((choice) => String(choice.const));
  const named = words.length > 1 ? [`one of ${words.join(', ')}`] : words;
  return oneOf([...new Set([...named, ...others])]);
}

function oneOf(choices: string[]): string {
  const plain = choices.every((choice) => !choice.includes(','));
  return choices.join(plain && choices.length <= 3 ? ' or ' : '; or ');
}

function describeOne(schema: JsonSchema): string {
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum) return `one of ${schema.enum.map(String).join(', ')}`;
  switch (schema.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
    case 'number':
      return describeNumber(schema);
    case 'array':
      return `a list (each entry: ${describeSchema(schema.items ?? {})})`;
    case 'object':
      return describeObject(schema);
    case 'string':
      return describeString(schema);
    default:
      return 'anything';
  }
}

function describeString({ pattern, description, minLength, maxLength }: JsonSchema): string {
  if (pattern && description) return `text (${description.charAt(0).toLowerCase()}${description.slice(1)})`;
  if (pattern) return `text that matches ${pattern}`;
  if (maxLength) return `text of ${minLength ? `${minLength} to` : 'at most'} ${maxLength} characters`;
  return minLength ? 'text that is not empty' : 'text';
}

function describeNumber({ type, minimum, maximum, exclusiveMinimum, description }: JsonSchema): string {
  const noun = type === 'integer' ? 'a whole number' : 'a number';
  const unit = description && description.length < 20 ? ` of ${description.toLowerCase()}` : '';
  if (minimum !== undefined && maximum !== undefined) return `${noun}${unit} from ${minimum} to ${maximum}`;
  if (minimum !== undefined && (minimum !== 0 || !unit)) return `${noun}${unit}, at least ${minimum}`;
  if (exclusiveMinimum !== undefined) {
    return `${noun}${unit} above ${exclusiveMinimum}${maximum === undefined ? '' : `, at most ${maximum}`}`;
  }
  return noun + unit;
}

function describeObject({ properties, required }: JsonSchema): string {
  const keys = Object.keys(properties ?? {});
  if (keys.length === 0) return 'a mapping of names to values';
  const shown = keys.map((key) => (required?.includes(key) || !required ? key : `${key}?`));
  return keys.length > 8 ? 'a mapping' : `a mapping {${shown.join(', ')}}`;
}

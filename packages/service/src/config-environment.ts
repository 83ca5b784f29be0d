import { CONFIG_GROUPS, CONFIG_KEYS } from './config-keys.ts';
import { alternatives, type JsonSchema } from './json-schema.ts';
import { nearest, type Problem } from './problem.ts';

/**
 * Variables of the shape of a key that mean something else: what Kiln tells the commands of a job about its agent, and what
 * Kubernetes and container links set by themselves for a service called kiln-http or kiln-database.
 */
const NOT_CONFIG = /^KILN_AGENT_(ID|TOKEN|HOST|VERSION)$|_(SERVICE_HOST|SERVICE_PORT(_.+)?|PORT(_\d+_(TCP|UDP).*)?)$/;

/**
 * The configuration that the environment gives, by key. A variable that begins like a group (`KILN_HTTP_…`) and is no
 * key is a problem; any other unknown KILN_ variable is left alone. Lists are separated by commas, lists of mappings are
 * JSON; an empty variable of a key that is not text counts as not set.
 */
export function configFromEnvironment(env: Readonly<Record<string, string | undefined>>): {
  values: Map<string, unknown>;
  problems: Problem[];
} {
  const values = new Map<string, unknown>();
  for (const { key, variable, schema } of CONFIG_KEYS) {
    const text = env[variable];
    const value = text === undefined ? undefined : coerce(schema, text);
    if (value !== undefined) values.set(key, value);
  }
  const problems = Object.keys(env).filter(isMistaken).map(unknownVariable);
  return { values, problems };
}

function isMistaken(name: string): boolean {
  if (CONFIG_KEYS.some(({ variable }) => variable === name) || NOT_CONFIG.test(name)) return false;
  return CONFIG_GROUPS.some((group) => name.startsWith(`KILN_${group.toUpperCase()}_`));
}

function unknownVariable(name: string): Problem {
  const near = nearest(
    name,
    CONFIG_KEYS.map(({ variable }) => variable),
  );
  const group = name.split('_').slice(0, 2).join('_');
  const known = CONFIG_KEYS.map(({ variable }) => variable).filter((variable) => variable.startsWith(`${group}_`));
  const fix = near ? `did you mean ${near}?` : `known are ${known.join(', ')}`;
  return { file: name, line: null, column: null, path: '', message: 'is not a setting of Kiln', fix };
}

/** The value of the schema's type that a text stands for; the text itself where it stands for none, to be refused by the check. */
function coerce(schema: JsonSchema, text: string): unknown {
  const types = new Set(alternatives(schema).map((choice) => choice.type));
  if (types.has('array')) {
    if (schema.items?.properties) return text.trim() === '' ? undefined : parsed(text);
    return text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '');
  }
  const plainText = schema.type === 'string';
  if (text.trim() === '' && !plainText) return undefined;
  if (types.has('boolean')) return { true: true, '1': true, false: false, '0': false }[text.toLowerCase()] ?? text;
  if ((types.has('integer') || types.has('number')) && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  return text;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

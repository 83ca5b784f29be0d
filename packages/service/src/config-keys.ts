import { Config } from '@kiln/protocol/config.ts';
import { asJsonSchema, type JsonSchema } from './json-schema.ts';

/** One value that can be set: `http.addr`, by the file, the environment or the command line. */
export interface ConfigKey {
  /** Dotted, such as `http.addr`. */
  key: string;
  path: string[];
  /** Its environment variable, such as `KILN_HTTP_ADDR`. */
  variable: string;
  schema: JsonSchema;
}

/** Every key of the configuration, in the order of the schema. */
export const CONFIG_KEYS: readonly ConfigKey[] = leaves(asJsonSchema(Config), []);

/** Keys that hold others, such as `http`. */
export const CONFIG_GROUPS: readonly string[] = [
  ...new Set(CONFIG_KEYS.flatMap(({ path }) => (path.length > 1 && path[0] ? [path[0]] : []))),
];

function leaves(schema: JsonSchema, path: string[]): ConfigKey[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]): ConfigKey[] => {
    const at = [...path, name];
    if (name === '$schema') return [];
    if (inner.properties) return leaves(inner, at);
    return [{ key: at.join('.'), path: at, variable: `KILN_${at.join('_').toUpperCase()}`, schema: inner }];
  });
}

import { durationMs } from '@kiln/protocol/duration.ts';
import { CONFIG_KEYS } from './config-keys.ts';
import { isMapping } from './schema-check.ts';

/** An effective value and where it came from. */
export interface Setting {
  key: string;
  variable: string;
  /** As in the file: text, number, true or false, or a list; null when it is not set and has no default. */
  value: unknown;
  /** `default`, `kiln.yaml:7`, `KILN_HTTP_ADDR` or `command line`. */
  source: string;
}

/** One place that gives values: the command line, the environment, the file. */
export interface Layer {
  values: ReadonlyMap<string, unknown>;
  sourceOf(key: string): string;
}

/** The effective value of every key: the first layer that has it, else the default of the schema. */
export function mergeLayers(layers: readonly Layer[]): Setting[] {
  return CONFIG_KEYS.map(({ key, variable, schema }) => {
    const layer = layers.find(({ values }) => values.has(key));
    return layer
      ? { key, variable, value: layer.values.get(key), source: layer.sourceOf(key) }
      : { key, variable, value: schema.default ?? null, source: 'default' };
  });
}

/** Typed access to checked settings. Asking for another type than the schema's is a mistake in the code and throws. */
export class Settings {
  readonly #values: Map<string, unknown>;

  constructor(settings: readonly Setting[]) {
    this.#values = new Map(settings.map(({ key, value }) => [key, value]));
  }

  /** Text, or null when it is not set or empty. */
  optionalText(key: string): string | null {
    const value = this.#values.get(key);
    if (value === null || value === '') return null;
    return typeof value === 'string' ? value : wrongType(key, 'text');
  }

  text(key: string): string {
    return this.optionalText(key) ?? '';
  }

  number(key: string): number {
    const value = this.#values.get(key);
    return typeof value === 'number' ? value : wrongType(key, 'a number');
  }

  flag(key: string): boolean {
    const value = this.#values.get(key);
    return typeof value === 'boolean' ? value : wrongType(key, 'true or false');
  }

  /** True or false, or null when it is not set. */
  optionalFlag(key: string): boolean | null {
    return this.#values.get(key) === null ? null : this.flag(key);
  }

  /** A duration in milliseconds. */
  duration(key: string): number {
    const value = this.#values.get(key);
    return typeof value === 'string' || typeof value === 'number' ? durationMs(value) : wrongType(key, 'a duration');
  }

  list(key: string): string[] {
    const value = this.#values.get(key);
    return Array.isArray(value) ? value.map(String) : wrongType(key, 'a list');
  }

  /** A list of mappings, each as it was written. */
  mappings(key: string): Record<string, unknown>[] {
    const value = this.#values.get(key);
    return Array.isArray(value) ? value.filter(isMapping) : wrongType(key, 'a list of mappings');
  }

  /** Text that is one of `choices`, or null when it is not set. */
  choice<T extends string>(key: string, choices: readonly T[]): T | null {
    const value = this.#values.get(key);
    return choices.find((choice) => choice === value) ?? null;
  }
}

function wrongType(key: string, expected: string): never {
  throw new TypeError(`the setting ${key} is read as ${expected}, but its schema says otherwise`);
}

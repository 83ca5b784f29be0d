import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { Config } from '@kiln/protocol/config.ts';
import type { ConfigSources } from './config.ts';
import { configFromEnvironment } from './config-environment.ts';
import { CONFIG_KEYS, type ConfigKey } from './config-keys.ts';
import { CONFIG_LIST_RULES, CONFIG_RULES } from './config-rules.ts';
import { type Layer, mergeLayers, type Setting } from './config-settings.ts';
import { byPlace, displayPath, formatPath, type Path, type Problem, suggestion } from './problem.ts';
import { checkSchema, isMapping } from './schema-check.ts';
import { parseYaml, validateYaml, type YamlDocument } from './yaml-document.ts';

/** What was read: every effective setting with its source, and everything that is wrong. */
export interface ConfigReading {
  file: string | null;
  /** The folder that relative paths are taken from. */
  base: string;
  settings: Setting[];
  problems: Problem[];
}

const COMMAND_LINE = 'command line';

/** Reads and checks the configuration without judging: mistakes are in `problems`, a setting with one keeps its value. */
export async function readConfig(sources: ConfigSources): Promise<ConfigReading> {
  const dataDir = resolve(sources.dataDir);
  const found = await readFirst(dataDir, sources.file);
  const base = found.file === null ? dataDir : dirname(found.file);
  const document = found.document;
  const environment = configFromEnvironment(sources.env);
  const typed = Object.entries(sources.overrides ?? {}).filter(([, value]) => value !== undefined);
  const layers: Layer[] = [
    { values: new Map(typed), sourceOf: () => COMMAND_LINE },
    { values: environment.values, sourceOf: (key) => keyOf(key)?.variable ?? key },
    { values: flatten(document?.value), sourceOf: (key) => placeOf(document, key) },
  ];
  const settings = mergeLayers(layers);
  const problems = [
    ...found.problems,
    ...(document ? validateYaml(document, Config).sort(byPlace) : []),
    ...environment.problems,
    ...typed.filter(([key]) => !keyOf(key)).map(([key]) => unknownOverride(key)),
    ...layers.slice(0, 2).flatMap(checkValues),
  ];
  const flawed = new Set(problems.map((problem) => problem.path));
  problems.push(...settings.filter(({ key }) => !flawed.has(key)).flatMap((setting) => checkRule(setting, document)));
  return { file: found.file, base, settings, problems };
}

async function readFirst(
  dataDir: string,
  file: string | undefined,
): Promise<{ file: string | null; document: YamlDocument | null; problems: Problem[] }> {
  const path = file === undefined ? join(dataDir, 'kiln.yaml') : resolve(file);
  try {
    const document = withoutEmpty(parseYaml(await readFile(path, 'utf8'), displayPath(path)));
    return { file: path, document, problems: [] };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (file === undefined && code === 'ENOENT') return { file: null, document: null, problems: [] };
    const message = code === 'ENOENT' ? 'there is no such file' : `can't be read: ${String(error)}`;
    return { file: path, document: null, problems: [problemAt(displayPath(path), '', message)] };
  }
}

/** A key with nothing written after it, as when all below it is commented out, counts as not set. */
function withoutEmpty(document: YamlDocument): YamlDocument {
  const strip = (value: unknown): unknown => {
    if (!isMapping(value)) return value;
    const kept = Object.entries(value).filter(([, inner]) => inner !== null);
    return Object.fromEntries(kept.map(([key, inner]) => [key, strip(inner)]));
  };
  return { ...document, value: strip(document.value ?? {}) };
}

function flatten(value: unknown): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const { key, path } of CONFIG_KEYS) {
    let inner = value;
    for (const part of path) inner = isMapping(inner) && Object.hasOwn(inner, part) ? inner[part] : undefined;
    if (inner !== undefined) values.set(key, inner);
  }
  return values;
}

function checkValues({ values, sourceOf }: Layer): Problem[] {
  return [...values].flatMap(([key, value]) => {
    const known = keyOf(key);
    if (!known) return [];
    return checkSchema(known.schema, value, known.path).map(({ message, fix }) =>
      problemAt(sourceOf(key), key, message, fix),
    );
  });
}

function checkRule({ key, value, source }: Setting, document: YamlDocument | null): Problem[] {
  const wrong = brokenRule(key, value);
  if (!wrong) return [];
  const path = [...key.split('.'), ...wrong.path];
  const message = `${formatPath(path)}: ${wrong.message}`;
  if (!document || source !== placeOf(document, key)) return [problemAt(source, key, message)];
  return [{ ...problemAt(document.file, key, message), ...document.locate(path, 'value') }];
}

function brokenRule(key: string, value: unknown): { path: Path; message: string } | null {
  if (Array.isArray(value)) return CONFIG_LIST_RULES[key]?.(value) ?? null;
  const message = typeof value === 'string' && value !== '' ? CONFIG_RULES[key]?.(value) : null;
  return message ? { path: [], message } : null;
}

function placeOf(document: YamlDocument | null, key: string): string {
  return document ? `${document.file}:${document.locate(key.split('.'), 'key').line}` : key;
}

function keyOf(key: string): ConfigKey | undefined {
  return CONFIG_KEYS.find((known) => known.key === key);
}

function unknownOverride(key: string): Problem {
  const keys = CONFIG_KEYS.map((known) => known.key);
  return problemAt(COMMAND_LINE, key, `unknown key "${key}"`, suggestion(key, keys));
}

function problemAt(file: string, path: string, message: string, fix?: string): Problem {
  return { file, line: null, column: null, path, message, ...(fix ? { fix } : {}) };
}

import { readFile, stat } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { displayPath, formatPath, type Path, type Problem } from '@kiln/service/problem.ts';
import type { Issue } from '@kiln/service/schema-check.ts';
import { parseYaml, problemOf } from '@kiln/service/yaml-document.ts';
import { rewrittenScalars } from './yaml-scalars.ts';

const LARGEST_FILE = 1_048_576;

/** A recipe file that was read: its plain value, what is wrong with its syntax, and where its keys stand. */
export interface RecipeSource {
  /** As messages name it. */
  file: string;
  /** The file's name without extension: what the recipe is called when it does not say. */
  stem: string;
  /** Undefined when the file has `problems`, which leave nothing to look at. */
  value: unknown;
  problems: Problem[];
  /** What is wrong with single values, seen in the text. */
  issues: Issue[];
  /** An issue with its place in the file. */
  problem(issue: Issue): Problem;
}

/** Reads a recipe in YAML. Never throws: what is wrong is in `problems`. */
export async function readYamlRecipe(path: string): Promise<RecipeSource> {
  const text = await readText(path);
  if (typeof text !== 'string') return broken(path, text);
  const document = parseYaml(text, displayPath(path));
  return {
    ...identity(path),
    value: document.value,
    problems: document.problems,
    issues: rewrittenScalars(document),
    problem: (issue) => problemOf(document, issue),
  };
}

/** A recipe that a TypeScript file exported, or why it could not be had. Places are looked up in its text as well as that goes. */
export async function typescriptRecipe(
  path: string,
  exported: { value: unknown } | { message: string; line: number | null },
): Promise<RecipeSource> {
  const text = await readText(path);
  if (typeof text !== 'string') return broken(path, text);
  if ('message' in exported) return broken(path, exported);
  const problem = ({ path: keys, message, fix }: Issue): Problem => ({
    file: displayPath(path),
    ...searchKeys(text, keys),
    path: formatPath(keys),
    message,
    ...(fix ? { fix } : {}),
  });
  return { ...identity(path), value: exported.value, problems: [], issues: [], problem };
}

/** A source that can't be used at all. */
function broken(path: string, wrong: { message: string; line?: number | null; fix?: string }): RecipeSource {
  const whole = (message: string, line: number | null, fix?: string): Problem => {
    return { file: displayPath(path), line, column: null, path: '', message, ...(fix ? { fix } : {}) };
  };
  return {
    ...identity(path),
    value: undefined,
    problems: [whole(wrong.message, wrong.line ?? null, wrong.fix)],
    issues: [],
    problem: ({ message, fix }) => whole(message, null, fix),
  };
}

function identity(path: string): { file: string; stem: string } {
  return { file: displayPath(path), stem: basename(path, extname(path)) };
}

async function readText(path: string): Promise<string | { message: string; fix?: string }> {
  try {
    const { size } = await stat(path);
    if (size > LARGEST_FILE) return { message: `the file has ${size} bytes`, fix: 'a recipe has at most 1 MiB' };
    return await readFile(path, 'utf8');
  } catch (error) {
    return { message: `the file can't be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The place of the last key of a path that the text has, each looked for behind the one before. */
function searchKeys(text: string, path: Path): { line: number | null; column: number | null } {
  let offset = 0;
  let found: number | null = null;
  for (const key of path) {
    if (typeof key === 'number') continue;
    const word = key.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    const match = new RegExp(`(?<![\\w$])(?:${word}|'${word}'|"${word}")\\s*:`, 'g');
    match.lastIndex = offset;
    const at = match.exec(text);
    if (!at) break;
    found = at.index;
    offset = match.lastIndex;
  }
  if (found === null) return { line: null, column: null };
  const before = text.slice(0, found).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
}

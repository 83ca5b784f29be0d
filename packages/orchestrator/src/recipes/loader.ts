import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { Recipe } from '@kiln/protocol/recipe.ts';
import { asJsonSchema } from '@kiln/service/json-schema.ts';
import { byPlace, displayPath, type Problem, suggestion } from '@kiln/service/problem.ts';
import { checkSchema, type Issue, isMapping } from '@kiln/service/schema-check.ts';
import { checkRecipe } from './check.ts';
import { compileRecipe } from './compile.ts';
import { findCycle } from './cycle.ts';
import { type RecipeSource, readYamlRecipe } from './source.ts';
import { readTypescriptRecipes } from './typescript.ts';

/** The recipes of a folder in the order of their file names, without those that have problems, and the problems. */
export interface LoadedRoster {
  recipes: CompiledRecipe[];
  problems: Problem[];
}

interface Entry {
  source: RecipeSource;
  name: string;
  recipe: Recipe | null;
  problems: Problem[];
}

/** Reads, checks and compiles every recipe of a folder: .yaml, .yml and .ts files. Never throws. */
export async function loadRoster(dir: string): Promise<LoadedRoster> {
  const folder = resolve(dir);
  const names = await recipeFiles(folder);
  if (!Array.isArray(names)) return { recipes: [], problems: [names] };
  return await loadFiles(
    names.map((name) => join(folder, name)),
    folder,
  );
}

/** Reads, checks and compiles one recipe file. Other recipes that it names in `after` are taken to exist. Never throws. */
export async function loadRecipeFile(file: string): Promise<LoadedRoster> {
  const path = resolve(file);
  const found = await stat(path).catch(() => null);
  if (!found) return { recipes: [], problems: [problemOf(path, 'there is no such file')] };
  if (!isRecipeFile(path)) {
    return { recipes: [], problems: [problemOf(path, 'a recipe is a .yaml, .yml or .ts file', 'rename it')] };
  }
  return await loadFiles([path], dirname(path), false);
}

async function loadFiles(paths: string[], folder: string, whole = true): Promise<LoadedRoster> {
  const typescript = await readTypescriptRecipes(paths.filter((path) => path.endsWith('.ts')));
  const sources = await Promise.all(paths.map(async (path) => typescript.get(path) ?? (await readYamlRecipe(path))));
  const entries = sources.map(checkSource);
  refuseDuplicates(entries);
  if (whole) checkAfter(entries);
  const recipes = entries.flatMap(({ recipe, name, problems }) =>
    recipe && problems.length === 0 ? [compileRecipe(recipe, name, folder)] : [],
  );
  return { recipes, problems: entries.flatMap(({ problems }) => problems.sort(byPlace)) };
}

function checkSource(source: RecipeSource): Entry {
  const { value, stem } = source;
  const name = isMapping(value) && typeof value.name === 'string' ? value.name : stem;
  if (source.problems.length > 0) return { source, name, recipe: null, problems: source.problems };
  const departures = checkSchema(asJsonSchema(Recipe), value);
  const recipe = departures.length === 0 ? (value as Recipe) : null;
  const issues = [...source.issues, ...departures];
  if (recipe) issues.push(...checkRecipe(recipe), ...checkStem(recipe, stem));
  return { source, name, recipe, problems: issues.map((issue) => source.problem(issue)) };
}

/** A recipe without a name is called like its file, which then must be a name. */
function checkStem(recipe: Recipe, stem: string): Issue[] {
  if (recipe.name !== undefined) return [];
  return checkSchema(asJsonSchema(Recipe.properties.name), stem).map(() => ({
    path: [],
    onKey: false,
    message: `the file name gives no name for the recipe: "${stem}" has other characters than a-z 0-9 . _ + - or is too long`,
    fix: 'rename the file, or write name: …',
  }));
}

function refuseDuplicates(entries: Entry[]): void {
  const first = new Map<string, Entry>();
  for (const entry of entries) {
    const other = first.get(entry.name);
    if (!other) first.set(entry.name, entry);
    else {
      const message = `the name "${entry.name}" is taken by ${other.source.file}`;
      const issue = { path: ['name'], onKey: false, message, fix: 'give one of the two another name' };
      entry.problems.push(entry.source.problem(issue));
    }
  }
}

/** That every `after` names a recipe, and that no recipes wait for each other. */
function checkAfter(entries: Entry[]): void {
  const names = entries.map((entry) => entry.name);
  const edges = new Map<string, string[]>();
  for (const { source, name, recipe, problems } of entries) {
    const afters = (recipe?.triggers ?? []).flatMap((trigger, index) =>
      typeof trigger === 'object' && 'after' in trigger ? [{ index, after: trigger.after }] : [],
    );
    edges.set(
      name,
      afters.map(({ after }) => after),
    );
    for (const { index, after } of afters.filter((trigger) => !names.includes(trigger.after))) {
      const path = ['triggers', index, 'after'];
      const fix = suggestion(
        after,
        names.filter((other) => other !== name),
      );
      problems.push(
        source.problem({ path, onKey: false, message: `there is no recipe "${after}"`, ...(fix ? { fix } : {}) }),
      );
    }
  }
  const cycle = findCycle(edges);
  const entry = entries.find(({ name }) => name === cycle?.[0]);
  if (!cycle || !entry) return;
  const message = `recipes start each other without end: ${cycle.join(' after ')}`;
  entry.problems.push(
    entry.source.problem({ path: ['triggers'], onKey: true, message, fix: 'take one of these triggers out' }),
  );
}

async function recipeFiles(folder: string): Promise<string[] | Problem> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory() && isRecipeFile(entry.name))
      .map((entry) => entry.name)
      .sort();
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const message = missing ? 'there is no such folder of recipes' : `the folder of recipes can't be read: ${error}`;
    return problemOf(folder, message, 'make it, or set recipes_dir in kiln.yaml');
  }
}

function isRecipeFile(name: string): boolean {
  return /(?<!\.d|\.test)\.(ya?ml|ts)$/.test(name) && !/(^|\/)\.[^/]*$/.test(name);
}

function problemOf(path: string, message: string, fix?: string): Problem {
  return { file: displayPath(path), line: null, column: null, path: '', message, ...(fix ? { fix } : {}) };
}

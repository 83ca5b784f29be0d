import { stat } from 'node:fs/promises';
import type { RecipeDetail, RecipeList } from '@kiln/protocol/api.ts';
import type { Command } from 'commander';
import { dataDirectory } from '../farm/location.ts';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln recipes
  kiln recipes check
  kiln recipes check ./recipes/nginx.yaml
  kiln recipes check ./recipes --json | jq -r '.problems[] | "\\(.file):\\(.line) \\(.message)"'
  kiln recipes show nginx`;

interface ListOptions extends FarmOptions {
  json?: boolean;
}

/** `kiln recipes`: what the farm builds, and whether the files that say so are right. */
export function register(program: Command): void {
  const recipes = program
    .command('recipes')
    .description('Lists, shows and checks the recipes. Without a subcommand: list.')
    .addHelpText('after', EXAMPLES);
  withFarmOptions(recipes.command('list', { isDefault: true }))
    .description('Lists the recipes of a running farm, with what their upstreams last showed.')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ListOptions) => await list(options));
  recipes
    .command('check')
    .description(
      'Checks recipe files without a farm: every problem with its file, line and remedy. Exit code 1 if any.',
    )
    .argument('[path]', 'folder of recipes, or one file (default: recipes_dir of the configuration)')
    .option('--data <dir>', 'data directory of the farm (default: KILN_DATA, else kiln-data in the checkout)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (path: string | undefined, options: ListOptions) => await check(path, options));
  withFarmOptions(recipes.command('show'))
    .description('Shows one recipe of a running farm: its jobs, the versions of its upstream, its last runs.')
    .argument('<name>', 'name of the recipe')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, options: ListOptions) => await show(name, options));
}

async function list(options: ListOptions): Promise<void> {
  const { createClient } = await import('../client.ts');
  const answer = await (await createClient(options)).get<RecipeList>('/api/recipes');
  if (options.json) return (await import('../output/words.ts')).printJson(answer);
  const { describeRecipes } = await import('../output/recipe.ts');
  process.stdout.write(describeRecipes(answer.recipes));
}

async function check(path: string | undefined, options: ListOptions): Promise<void> {
  const { loadRecipeFile, loadRoster } = await import('@kiln/orchestrator/recipes/loader.ts');
  const place = path ?? (await recipesDirectory(options.data));
  const isFile = (await stat(place).catch(() => null))?.isFile() ?? /\.(ya?ml|ts)$/.test(place);
  const { recipes, problems } = isFile ? await loadRecipeFile(place) : await loadRoster(place);
  const { printCheck } = await import('../output/problems.ts');
  const { count } = await import('../output/words.ts');
  const { json = false } = options;
  printCheck(problems, {
    json,
    fine: `${count(recipes.length, 'recipe')} in ${place}, all fine.`,
    more: { recipes: recipes.map((recipe) => recipe.name) },
  });
}

async function recipesDirectory(data: string | undefined): Promise<string> {
  const { loadConfig } = await import('@kiln/service/config.ts');
  const { displayPath } = await import('@kiln/service/problem.ts');
  const config = await loadConfig({ dataDir: dataDirectory(data), env: process.env });
  return displayPath(config.recipesDir);
}

async function show(name: string, options: ListOptions): Promise<void> {
  const { createClient } = await import('../client.ts');
  const client = await createClient(options);
  const recipe = await client.get<RecipeDetail>(`/api/recipes/${encodeURIComponent(name)}`);
  if (options.json) return (await import('../output/words.ts')).printJson(recipe);
  const { describeRecipe } = await import('../output/recipe.ts');
  process.stdout.write(describeRecipe(recipe));
}

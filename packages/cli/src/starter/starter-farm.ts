import { access, constants, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { delimiter, join, resolve } from 'node:path';
import { CHECKOUT } from '../farm/location.ts';
import { makeUpstream } from './upstream.ts';

const EXAMPLES = join(CHECKOUT, 'examples');

/** The one recipe that nothing but an order starts: its upstream has no tags. */
export const ORDERED_RECIPE = 'kiln-agent';

/** A recipe that is left out where the machine can't build it, with the reason. */
interface Condition {
  recipe: string;
  met: () => Promise<boolean>;
  reason: string;
}

const CONDITIONS: readonly Condition[] = [
  {
    recipe: 'hello-deb.yaml',
    met: async () => await isInstalled('dpkg-deb'),
    reason: 'there is no dpkg-deb on this machine',
  },
  {
    recipe: `${ORDERED_RECIPE}.ts`,
    met: async () => await exists(join(CHECKOUT, '.git')),
    reason: 'this Kiln is not a git checkout',
  },
];

/** What the starter farm consists of. */
export interface StarterFarm {
  recipes: string[];
  /** Recipes that were left out, as sentences. */
  notes: string[];
}

/**
 * Fills `upstreams/` and `recipes/` of a data directory from `examples/`: git repositories with a few versions each, and
 * recipes that build them. What is there already is left alone.
 */
export async function makeStarterFarm(dataDir: string): Promise<StarterFarm> {
  if (!(await isInstalled('git'))) {
    return {
      recipes: [],
      notes: ['The starter farm was left out: git is not installed, and Kiln needs it to watch and to build.'],
    };
  }
  const upstreams = join(dataDir, 'upstreams');
  await mkdir(upstreams, { recursive: true });
  for (const name of await upstreamNames()) {
    const target = join(upstreams, `${name}.git`);
    if (!(await exists(target))) await makeUpstream(join(EXAMPLES, 'upstreams', name), target);
  }
  return await copyRecipes(dataDir);
}

async function upstreamNames(): Promise<string[]> {
  const entries = await readdir(join(EXAMPLES, 'upstreams'), { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory() && !entry.name.endsWith('.history')).map((entry) => entry.name);
}

async function copyRecipes(dataDir: string): Promise<StarterFarm> {
  const farm: StarterFarm = { recipes: [], notes: [] };
  const folder = join(dataDir, 'recipes');
  await mkdir(folder, { recursive: true });
  for (const file of (await readdir(join(EXAMPLES, 'recipes'))).filter((name) => /\.(yaml|ts)$/.test(name)).sort()) {
    const obstacle = CONDITIONS.find((condition) => condition.recipe === file);
    if (obstacle && !(await obstacle.met())) {
      farm.notes.push(`The recipe ${file} was left out: ${obstacle.reason}.`);
      continue;
    }
    const recipe = await readFile(join(EXAMPLES, 'recipes', file), 'utf8');
    if (!(await exists(join(folder, file)))) await writeFile(join(folder, file), localise(recipe, dataDir));
    farm.recipes.push(file.replace(/\.\w+$/, ''));
  }
  return farm;
}

/** The recipe (YAML, or TypeScript with the address in single quotes) with its upstream's address, and its schema's, on this machine. */
export function localise(recipe: string, dataDir: string): string {
  return recipe
    .replace(/(\bgit: )('?)(\.\.[\w./-]*)'?/g, (_, key: string, quote: string, path: string) => {
      const example = /^\.\.\/upstreams\/([\w-]+)$/.exec(path);
      const place = example ? join(dataDir, 'upstreams', `${example[1]}.git`) : resolve(EXAMPLES, 'recipes', path);
      const plain = quote === '' && /^[\w./-]+$/.test(place);
      return `${key}${plain ? place : JSON.stringify(place)}`;
    })
    .replace('$schema=../../', () => `$schema=${CHECKOUT}/`);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

async function isInstalled(program: string): Promise<boolean> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const found = await access(join(folder, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found && folder !== '') return true;
  }
  return false;
}

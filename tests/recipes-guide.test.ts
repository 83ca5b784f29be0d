import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadRecipeFile, loadRoster } from '../packages/orchestrator/src/recipes/loader.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-guide-'));
});
afterAll(async () => await rm(folder, { recursive: true }));

const guide = await readFile(new URL('../docs/recipes.md', import.meta.url), 'utf8');
const examples = [...guide.matchAll(/^```(yaml|ts)\n(.*?)^```$/gms)].map(([, language = '', text = ''], n) => ({
  line: guide.slice(0, guide.indexOf(text)).split('\n').length,
  name: `example-${n}.${language}`,
  text,
}));

test('the guide has examples in both languages', () => {
  expect(new Set(examples.map(({ name }) => name.split('.').at(-1)))).toEqual(new Set(['yaml', 'ts']));
});

test.each(examples)('the example in line $line of docs/recipes.md is a recipe', async ({ name, text }) => {
  await writeFile(join(folder, name), text);
  expect((await loadRecipeFile(join(folder, name))).problems).toEqual([]);
});

test('the recipes of the starter farm have no problem', async () => {
  const { recipes, problems } = await loadRoster(new URL('../examples/recipes', import.meta.url).pathname);
  expect(problems).toEqual([]);
  expect(recipes.length).toBeGreaterThan(3);
});

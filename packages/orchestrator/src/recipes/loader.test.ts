import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { formatProblem } from '@kiln/service/problem.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadRecipeFile, loadRoster } from './loader.ts';
import { readTypescriptRecipes } from './typescript.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-recipes-'));
});
afterEach(async () => await rm(folder, { recursive: true }));

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
}

async function load(files: Record<string, string>) {
  await write(files);
  const { recipes, problems } = await loadRoster(folder);
  return {
    recipes,
    names: recipes.map((recipe) => recipe.name),
    problems: problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, '')),
  };
}

describe('a folder', () => {
  test('is read in the order of its file names; a recipe is called like its file or as it says', async () => {
    const result = await load({
      'zlib.yaml': 'steps: [x]',
      'abc.yml': 'name: renamed\nsteps: [x]',
      'musl.yaml': '# yaml-language-server: $schema=x\n$schema: x\nsteps: [x]',
      '.hidden.yaml': 'nonsense',
      'notes.txt': 'nonsense',
      'types.d.ts': 'nonsense',
      'folder.yaml/x.yaml': 'nonsense',
    });
    expect(result.problems).toEqual([]);
    expect(result.names).toEqual(['renamed', 'musl', 'zlib']);
  });

  test('that is empty, or not there', async () => {
    expect(await load({})).toEqual({ recipes: [], names: [], problems: [] });
    const { problems } = await loadRoster(join(folder, 'nowhere'));
    expect(problems[0]).toMatchObject({
      message: 'there is no such folder of recipes',
      fix: 'make it, or set recipes_dir in kiln.yaml',
    });
  });

  test('the good recipes are there beside the bad ones, whose problems come in the order of their lines', async () => {
    const result = await load({
      'a.yaml': 'steps: [x]',
      'b.yaml': 'stepz: [x]\nupstream:\n  gti: x\n',
      'c.yaml': 'steps:\n  - run: x\n    needs: y\ntriggers: [tag]\n',
    });
    expect(result.names).toEqual(['a']);
    expect(result.problems).toEqual([
      'b.yaml:1:1 unknown key "stepz"; did you mean "steps"?',
      'b.yaml:3:3 upstream needs the key "git"',
      'b.yaml:3:3 unknown key "gti"; did you mean "git"?',
      expect.stringMatching(/^c\.yaml:3:5 unknown key "needs"/),
    ]);
  });

  test('links to files are followed', async () => {
    await write({ '..data/real.yaml': 'steps: [x]' });
    await symlink(join(folder, '..data/real.yaml'), join(folder, 'linked.yaml'));
    expect((await load({})).names).toEqual(['linked']);
  });

  test('a file that can not be read, is too large or is no text', async () => {
    await symlink(join(folder, 'nowhere'), join(folder, 'a.yaml'));
    const result = await load({ 'b.yaml': 'x'.repeat(1_100_000), 'c.yaml': '\u0000\u0001' });
    expect(result.problems).toHaveLength(3);
    expect(result.problems[0]).toMatch(/^a\.yaml the file can't be read/);
    expect(result.problems[1]).toMatch(/^b\.yaml the file has 1100000 bytes/);
  });
});

describe('names', () => {
  test('a name that is taken is refused, naming both files', async () => {
    const result = await load({ 'a.yaml': 'steps: [x]', 'b.yaml': 'name: a\nsteps: [x]' });
    expect(result.names).toEqual(['a']);
    expect(result.problems[0]).toMatch(
      /^b\.yaml:1:7 the name "a" is taken by \S*a\.yaml; give one of the two another name$/,
    );
  });

  test('a file name that is no name', async () => {
    const result = await load({ 'My Recipe.yaml': 'steps: [x]' });
    expect(result.problems[0]).toMatch(/^My Recipe\.yaml:1:1 the file name gives no name for the recipe: "My Recipe"/);
  });
});

describe('after', () => {
  const after = (name: string) => `triggers: [{ after: ${name} }]\nsteps: [x]\n`;

  test('an unknown recipe is refused with the nearest one', async () => {
    const result = await load({ 'libfoo.yaml': 'steps: [x]', 'b.yaml': after('libfo') });
    expect(result.problems).toEqual(['b.yaml:1:21 there is no recipe "libfo"; did you mean "libfoo"?']);
  });

  test('recipes that start each other are refused', async () => {
    const result = await load({ 'a.yaml': after('c'), 'b.yaml': after('a'), 'c.yaml': after('b') });
    expect(result.problems).toEqual([
      'a.yaml:1:1 recipes start each other without end: a after c after b after a; take one of these triggers out',
    ]);
    expect((await load({ 'a.yaml': after('a') })).problems[0]).toContain('a after a');
  });

  test('a recipe after a bad one is not bad itself', async () => {
    const result = await load({ 'a.yaml': 'stepz: [x]', 'b.yaml': after('a') });
    expect(result.names).toEqual(['b']);
    expect(result.problems).toHaveLength(1);
  });
});

describe('values that YAML changes', () => {
  test('a number that would reach the command otherwise than it was typed is refused', async () => {
    const result = await load({
      'a.yaml': 'environment: { NODE: 1.10, OK: 1.1, TEXT: "1.10", YES: True }\nsteps: [x]\n',
      'b.yaml': 'jobs:\n  t:\n    matrix:\n      python: [3.9, 3.10]\n    steps: [x]\n',
    });
    expect(result.problems).toEqual([
      'a.yaml:1:22 environment.NODE: YAML reads 1.10 as 1.1; write "1.10", or 1.1 if that is meant',
      'a.yaml:1:56 environment.YES: YAML reads True as true; write "True", or true if that is meant',
      'b.yaml:4:21 jobs.t.matrix.python[1]: YAML reads 3.10 as 3.1; write "3.10", or 3.1 if that is meant',
    ]);
  });
});

describe('recipes in TypeScript', () => {
  test('have their types wherever the folder is, and may import what lies below it', async () => {
    const result = await load({
      'a.ts': `import { defineRecipe } from '@kiln/recipe';
        import { steps } from './lib/steps.ts';
        export default defineRecipe({ upstream: { git: '../up' }, environment: { A: undefined ?? 'x' }, description: undefined, steps: steps('a') });`,
      'b.ts': `import { defineRecipe, type Recipe } from '@kiln/protocol/recipe.ts';
        const recipe: Recipe = { steps: ['x'] };
        console.log('this goes nowhere');
        export default defineRecipe(recipe);`,
      'lib/steps.ts': 'export const steps = (name: string): string[] => [`echo ${name}`];',
      'c.yaml': 'steps: [x]',
    });
    expect(result.problems).toEqual([]);
    expect(result.names).toEqual(['a', 'b', 'c']);
    expect(result.recipes[0]).toMatchObject({
      upstream: { git: join(dirname(folder), 'up') },
      jobs: [{ phases: [{ steps: [{ run: 'echo a' }] }] }],
    });
  });

  test('are read anew after a change, and what they import too', async () => {
    const main = "import { x } from './lib/x.ts'; export default { description: x, steps: ['x'] };";
    expect((await load({ 'a.ts': main, 'lib/x.ts': "export const x = 'one';" })).recipes[0]?.description).toBe('one');
    expect((await load({ 'lib/x.ts': "export const x = 'two';" })).recipes[0]?.description).toBe('two');
    expect(
      (await load({ 'a.ts': "export default { description: 'three', steps: ['x'] };" })).recipes[0]?.description,
    ).toBe('three');
  });

  test('problems have the place of their key', async () => {
    const result = await load({
      'a.ts': "export default {\n  steps: ['x'],\n  jobs: {\n    a: {\n      'stepz': ['x'],\n    },\n  },\n};\n",
      'b.ts': 'export default { steps: [() => 1], timeout: 10n };\n',
    });
    expect(result.problems).toEqual([
      'a.ts:5:7 unknown key "stepz"; did you mean "steps"?',
      expect.stringMatching(/^b\.ts:1:36 timeout must be .*, not "10"/),
    ]);
  });

  test('that do not run are problems of their file alone', async () => {
    const result = await load({
      'a.ts': 'export default {\n  steps: [,,\n',
      'b.ts': "const x: number = 1;\nthrow new RangeError('no such thing');\n",
      'c.ts': 'export const x = 1;\n',
      'd.ts': "import { x } from './nowhere.ts';\nexport default x;\n",
      'e.ts': 'process.exit(3);\n',
      'f.ts': 'const a: unknown[] = []; a.push(a); export default { steps: a };\n',
      'g.ts': "export default { steps: ['x'] };\n",
      'h.ts': 'export default null;\n',
    });
    expect(result.names).toEqual(['g']);
    expect(result.problems).toEqual([
      expect.stringMatching(/^a\.ts(:\d+)? SyntaxError/),
      'b.ts:2 RangeError: no such thing',
      'c.ts the file has no default export',
      expect.stringMatching(/^d\.ts Error: Cannot find module/),
      'e.ts the recipe ended its thread with exit code 3',
      'f.ts TypeError: the recipe contains itself',
      expect.stringMatching(/^h\.ts the file is empty; it must be a mapping/),
    ]);
  });

  test('that never end are stopped, and the next one is read', async () => {
    await write({
      'a.ts': 'for (;;);',
      'b.ts': 'export default await new Promise(() => {});',
      'c.ts': "export default { steps: ['x'] };",
    });
    const paths = ['a.ts', 'b.ts', 'c.ts'].map((name) => join(folder, name));
    const sources = [...(await readTypescriptRecipes(paths, 1000)).values()];
    expect(sources.map((source) => source.problems[0]?.message)).toEqual([
      'the recipe was not done after 1 s',
      'the recipe was not done after 1 s',
      undefined,
    ]);
    expect(sources[2]?.value).toEqual({ steps: ['x'] });
  });
});

describe('one file', () => {
  test('is checked without asking for the recipes that it names', async () => {
    await write({ 'a.yaml': 'triggers: [{ after: elsewhere }]\nsteps: [x]\n', 'b.yaml': 'steps: [' });
    expect(await loadRecipeFile(join(folder, 'a.yaml'))).toMatchObject({ recipes: [{ name: 'a' }], problems: [] });
    expect((await loadRecipeFile(join(folder, 'b.yaml'))).problems).toHaveLength(1);
    expect((await loadRecipeFile(join(folder, 'c.yaml'))).problems[0]?.message).toBe('there is no such file');
    await write({ 'd.txt': '' });
    expect((await loadRecipeFile(join(folder, 'd.txt'))).problems[0]?.fix).toBe('rename it');
  });
});

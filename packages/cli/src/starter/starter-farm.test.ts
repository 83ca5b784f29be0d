import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CHECKOUT } from '../farm/location.ts';
import { readChangelog } from './changelog.ts';
import { firstStart } from './first-start.ts';
import { localise } from './starter-farm.ts';
import { makeUpstream } from './upstream.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln starter-'));
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

const git = (repository: string, ...args: string[]) =>
  execFileSync('git', ['-C', repository, ...args], { encoding: 'utf8' }).trim();

test('an upstream has a tag for each version, and the same commits every time', async () => {
  const source = join(CHECKOUT, 'examples', 'upstreams', 'hello');
  await makeUpstream(source, join(folder, 'one.git'));
  await makeUpstream(source, join(folder, 'two.git'));
  const one = join(folder, 'one.git');
  expect(git(one, 'tag').split('\n')).toEqual(['nightly', 'v1.0.0', 'v1.1.0', 'v1.2.0', 'v1.2.1', 'v1.3.0']);
  expect(git(one, 'rev-parse', 'main')).toBe(git(join(folder, 'two.git'), 'rev-parse', 'main'));
  expect(git(one, 'show', 'v1.0.0:CHANGELOG.md')).not.toContain('1.1.0');
  expect(git(one, 'show', 'v1.2.1:po/nl.txt')).toBe('Hallo, NAME!');
  expect(git(one, 'show', 'v1.3.0:po/nl.txt')).toBe('Hoi, NAME!');
  expect(git(one, 'log', '-1', '--format=%aI %cI', 'v1.3.0')).toBe(
    '2025-10-27T12:00:00+00:00 2025-10-27T12:00:00+00:00',
  );
  expect(git(one, 'ls-tree', 'v1.0.0', 'build.sh')).toMatch(/^100755/);
  expect(git(one, 'fsck', '--strict')).toBe('');
});

test('the first start fills the data directory once, and leaves alone what is there', async () => {
  const farm = await firstStart(folder, { starter: true });
  expect(farm?.recipes).toContain('hello');
  const recipe = await readFile(join(folder, 'recipes', 'hello.yaml'), 'utf8');
  expect(recipe).toContain(`git: ${JSON.stringify(join(folder, 'upstreams', 'hello.git'))}`);
  expect((await stat(join(folder, 'upstreams', 'hello.git', 'HEAD'))).isFile()).toBe(true);
  await writeFile(join(folder, 'kiln.yaml'), 'farm_id: mine\n');
  expect(await firstStart(folder, { starter: true })).toBeNull();
  expect(await readFile(join(folder, 'kiln.yaml'), 'utf8')).toBe('farm_id: mine\n');
});

test('a first start that was cut off begins again', async () => {
  await firstStart(folder, { starter: true });
  await rm(join(folder, 'kiln.yaml'));
  await rm(join(folder, 'recipes', 'kettle.yaml'));
  await rm(join(folder, 'upstreams', 'kettle.git'), { recursive: true });
  await firstStart(folder, { starter: true });
  expect(await readdir(join(folder, 'recipes'))).toContain('kettle.yaml');
  expect(await readdir(join(folder, 'upstreams'))).toEqual(['hello.git', 'kettle.git']);
});

test('a farm with recipes of its own, or one that is to be empty, gets only a configuration', async () => {
  await mkdir(join(folder, 'own', 'recipes'), { recursive: true });
  expect(await firstStart(join(folder, 'own'), { starter: true })).toEqual({ recipes: [], notes: [] });
  expect(await readdir(join(folder, 'own'))).toEqual(['kiln.yaml', 'recipes']);
  await mkdir(join(folder, 'empty'));
  await firstStart(join(folder, 'empty'), { starter: false });
  expect(await readdir(join(folder, 'empty'))).toEqual(['kiln.yaml', 'recipes']);
});

test('addresses of upstreams are written so that YAML and TypeScript both read them', () => {
  expect(localise('  git: ../upstreams/hello\n', '/srv/kiln')).toBe('  git: /srv/kiln/upstreams/hello.git\n');
  expect(localise('  git: ../upstreams/hello\n', '/srv/my kiln')).toBe('  git: "/srv/my kiln/upstreams/hello.git"\n');
  expect(localise("  git: '../..',\n", '/srv/kiln')).toBe(`  git: ${JSON.stringify(CHECKOUT)},\n`);
});

test('a heading that is not one is named', () => {
  expect(() => readChangelog('# Changes\n\n## soon\nMore\n')).toThrow('"## soon" is not a heading');
});

import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { StoredSigningKeys } from './signing-keys.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let root: string;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'kiln-keys-'));
  await made.db`DELETE FROM signing_keys`;
});
afterEach(async () => await rm(root, { recursive: true }));

/** An orchestrator's keys, with a folder of its own. */
const orchestrator = (name: string) => new StoredSigningKeys(made.db, join(root, name));
const rows = async () => await made.db`SELECT name, private_key FROM signing_keys ORDER BY name`;

test('of many orchestrators that make a first key at once all have the same', async () => {
  const nodes = Array.from({ length: 8 }, (_, n) => orchestrator(`node-${n}`));
  expect(await Promise.all(nodes.map(async (keys) => await keys.read('main.pem')))).toEqual(Array(8).fill(null));
  const held = await Promise.all(nodes.map(async (keys, n) => await keys.make('main.pem', `key ${n}`)));
  const [first] = held;
  expect(held).toEqual(Array(8).fill(first));
  expect(await rows()).toEqual([{ name: 'main.pem', privateKey: first }]);
  for (const keys of nodes) expect(await keys.read('main.pem')).toBe(first);
});

test('an orchestrator on another machine finds the key, and keeps a copy that only its user reads', async () => {
  await orchestrator('one').make('main.pem', 'the key');
  const other = orchestrator('other');
  expect(await other.read('main.pem')).toBe('the key');
  const file = other.describe('main.pem');
  expect(await readFile(file, 'utf8')).toBe('the key');
  expect([(await stat(file)).mode & 0o777, (await stat(join(root, 'other'))).mode & 0o777]).toEqual([0o600, 0o700]);
});

test('a key file of before goes on being used, on every machine', async () => {
  await mkdir(join(root, 'old'));
  await writeFile(join(root, 'old', 'main.pem'), 'the old key\n');
  expect(await orchestrator('old').read('main.pem')).toBe('the old key\n');
  expect(await orchestrator('new').read('main.pem')).toBe('the old key\n');
  expect(await orchestrator('new').make('main.pem', 'a new key')).toBe('the old key\n');
  expect(await readFile(join(root, 'old', 'main.pem'), 'utf8')).toBe('the old key\n');
});

test('a lost database gets the key back from the folder', async () => {
  const keys = orchestrator('one');
  await keys.make('main.pem', 'the key');
  await made.db`DELETE FROM signing_keys`;
  expect(await keys.read('main.pem')).toBe('the key');
  expect(await rows()).toEqual([{ name: 'main.pem', privateKey: 'the key' }]);
});

test('two different keys of one name are refused, and neither is replaced', async () => {
  await orchestrator('one').make('main.pem', 'the key');
  const other = orchestrator('other');
  await mkdir(join(root, 'other'));
  await writeFile(other.describe('main.pem'), 'another key');
  await expect(other.read('main.pem')).rejects.toThrow(
    `the database has another key than ${other.describe('main.pem')}`,
  );
  expect(await readFile(other.describe('main.pem'), 'utf8')).toBe('another key');
  expect(await rows()).toEqual([{ name: 'main.pem', privateKey: 'the key' }]);
  await rm(other.describe('main.pem'));
  expect(await other.read('main.pem')).toBe('the key');
});

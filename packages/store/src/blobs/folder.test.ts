import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FolderBlobs } from './folder.ts';

let folder: string;
let store: FolderBlobs;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-blobs-'));
  store = new FolderBlobs(join(folder, 'blobs'));
});
afterEach(async () => await rm(folder, { recursive: true }));

async function keys(): Promise<string[]> {
  const found: string[] = [];
  for await (const { key } of store.list('')) found.push(key);
  return found.sort();
}

test('a writer that is killed leaves nothing to see, and what it left is removed after a day', async () => {
  const source = `
    const { FolderBlobs } = await import(${JSON.stringify(join(import.meta.dirname, 'folder.ts'))});
    await new FolderBlobs(${JSON.stringify(join(folder, 'blobs'))}).put('logs/1', (async function* () {
      for (;;) { yield Buffer.alloc(65536); process.stdout.write('.'); }
    })());`;
  const writer = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(writer.stdout, 'data');
  writer.kill('SIGKILL');
  await once(writer, 'exit');
  expect(await keys()).toEqual([]);
  const temporary = join(folder, 'blobs/.tmp');
  expect(await readdir(temporary)).toHaveLength(1);
  await store.removeLeftovers();
  expect(await readdir(temporary)).toHaveLength(1);
  const [left = ''] = await readdir(temporary);
  await utimes(join(temporary, left), 0, 0);
  await store.removeLeftovers();
  expect(await readdir(temporary)).toEqual([]);
  await store.put('logs/1', Buffer.from('x'));
  expect(await keys()).toEqual(['logs/1']);
});

test('folders that are empty go, also while others are filled', async () => {
  await Promise.all(
    Array.from({ length: 60 }, async (_, n) => {
      await store.put(`a/b/${n % 3}/${n}`, Buffer.from('x'));
      if (n % 2) await store.remove(`a/b/${n % 3}/${n}`);
    }),
  );
  const kept = Array.from({ length: 30 }, (_, n) => `a/b/${(2 * n) % 3}/${2 * n}`).sort();
  expect(await keys()).toEqual(kept);
  for (const key of kept) await store.remove(key);
  expect(await readdir(join(folder, 'blobs'))).toEqual(['.tmp']);
});

test('nothing outside is listed, and a folder that cannot be made is said to be so', async () => {
  await store.check();
  await store.put('a/1', Buffer.from('x'));
  await symlink('/etc', join(folder, 'blobs/etc'));
  await store.check();
  expect(await keys()).toEqual(['a/1']);
  expect((await stat(join(folder, 'blobs/a/1'))).mode & 0o777).toBe(0o600);
  await writeFile(join(folder, 'file'), '');
  const blocked = new FolderBlobs(join(folder, 'file/blobs'));
  await expect(blocked.put('a', Buffer.from('x'))).rejects.toThrow('ENOTDIR');
  await expect(blocked.check()).rejects.toThrow("file/blobs can't be written");
});

import { lstat, readdir, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import type { Entry, Published, PublishedFiles } from './published-files.ts';

/** The repositories in the folder that the orchestrators of this machine publish to. Any static web server serves them as well. */
export class PublishedFolder implements PublishedFiles {
  readonly #root: string;

  constructor(repositoriesDir: string) {
    this.#root = resolve(repositoriesDir);
  }

  async find(path: string): Promise<Published | null> {
    const root = this.#root;
    const place = resolve(root, path);
    // Before the first publish there is no folder, and its list is empty.
    if (path === '') return { kind: 'folder', entries: async () => await entriesOf(root) };
    if (!place.startsWith(root + sep)) return null;
    const info = await stat(place).catch(() => null);
    if (info?.isDirectory()) return { kind: 'folder', entries: async () => await entriesOf(place) };
    // Whatever is wrong with it, sending it as a file says so.
    return { kind: 'file', send: async (_request, reply) => await reply.sendFile(path, root, { maxAge: 0 }) };
  }
}

async function entriesOf(folder: string): Promise<Entry[]> {
  const all = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const names = all.filter((name) => !name.startsWith('.')).sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const info = await stat(path).catch(async () => await lstat(path).catch(() => null));
      return info ? [{ name, directory: info.isDirectory(), bytes: info.size, modified: info.mtime }] : [];
    }),
  );
  return found.flat();
}

import { type Dirent, type PathLike, readdir, stat } from 'node:fs';
import { join } from 'node:path';

/**
 * For tinyglobby, which either passes over every symbolic link or follows them all, out of the workspace and round in
 * circles: reads a folder so that a link to a file looks like a file, while links to folders stay links.
 */
export const linkedFiles = { readdir: Object.assign(readWithLinkedFiles, { __promisify__: readdir.__promisify__ }) };

function readWithLinkedFiles(folder: PathLike, ...rest: unknown[]): void {
  const callback = rest.at(-1);
  if (typeof callback !== 'function') throw new TypeError('readdir needs a callback');
  readdir(folder, { withFileTypes: true }, (error, entries) => {
    if (error) callback(error);
    else void Promise.all(entries.map(withLinkedFile)).then((seen) => callback(null, seen));
  });
}

async function withLinkedFile(entry: Dirent): Promise<Dirent> {
  if (!entry.isSymbolicLink()) return entry;
  const isFile = await new Promise<boolean>((resolve) => {
    stat(join(entry.parentPath, entry.name), (error, target) => resolve(!error && target.isFile()));
  });
  return isFile ? Object.assign(Object.create(entry), { isFile: () => true, isSymbolicLink: () => false }) : entry;
}

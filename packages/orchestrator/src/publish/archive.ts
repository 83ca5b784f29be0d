import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { highestVersions } from '@kiln/store/packages.ts';
import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import { isSystemError, replaceFile } from './disk.ts';
import { readManifest } from './manifest.ts';
import { inParallel } from './parallel.ts';
import { type RepositoryPaths, repositoryPaths, versionFolder, versionOfFolder } from './paths.ts';

/** `archive/index.json`: every version ever published. Made from the archive's folders at each publish. */
const ArchiveIndex = Type.Object({
  format: Type.Literal(1),
  packages: Type.Record(
    Type.String(),
    Type.Object({ keep: Type.Integer({ minimum: 1 }), versions: Type.Array(Type.String()) }),
  ),
});
type ArchiveIndex = Static<typeof ArchiveIndex>;

const archiveIndex = Compile(ArchiveIndex);

/** A package of the archive: all its versions, highest first, and how many of them the active view shows. */
export interface ArchivedPackage {
  keep: number;
  versions: string[];
}

/**
 * The versions of a package that were ever published, so that none is built again. A repository or package that is not
 * there has none. Throws an Error with the name of the index file when it can't be read; the next publish makes it anew.
 */
export async function archiveVersions(repositoriesDir: string, repository: string, name: string): Promise<Set<string>> {
  const index = await readArchiveIndex(repositoryPaths(repositoriesDir, repository).archiveIndex);
  return new Set(index && Object.hasOwn(index.packages, name) ? index.packages[name]?.versions : []);
}

/** What the folders of the archive hold, by package. What the index knew about `keep` is kept. */
export async function surveyArchive(paths: RepositoryPaths): Promise<Map<string, ArchivedPackage>> {
  // A damaged index is no reason to stop: it is made anew from what is found here.
  const index = await readArchiveIndex(paths.archiveIndex).catch(() => null);
  const names = (await folders(paths.archive)).sort();
  const found = await inParallel(names, async (name): Promise<[string, ArchivedPackage]> => {
    const versions = (await folders(join(paths.archive, name))).map(versionOfFolder).filter((one) => one !== null);
    const known = index && Object.hasOwn(index.packages, name) ? index.packages[name] : undefined;
    const keep = known?.keep ?? (await lastKeep(paths, name, versions));
    return [name, { keep, versions: highestVersions(versions, versions.length) }];
  });
  return new Map(found.filter(([, { versions }]) => versions.length > 0));
}

/** Puts the index of the archive in place. */
export async function writeArchiveIndex(
  paths: RepositoryPaths,
  packages: ReadonlyMap<string, ArchivedPackage>,
): Promise<void> {
  const index: ArchiveIndex = { format: 1, packages: Object.fromEntries(packages) };
  await replaceFile(paths.archiveIndex, join(paths.temporary, 'archive-index'), `${JSON.stringify(index)}\n`);
}

/** The archive folder of a version. */
export function entryFolder(paths: RepositoryPaths, name: string, version: string): string {
  return join(paths.archive, name, versionFolder(version));
}

async function readArchiveIndex(file: string): Promise<ArchiveIndex | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (isSystemError(cause, 'ENOENT')) return null;
    throw new Error(`${file} can't be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${file} is not JSON; the next publish makes it anew`, { cause });
  }
  if (archiveIndex.Check(parsed)) return parsed;
  const [first] = archiveIndex.Errors(parsed);
  const where = first?.instancePath || '/';
  throw new Error(`${file} is damaged at ${where} (${first?.message ?? 'wrong'}); the next publish makes it anew`);
}

/** The `keep` of the version that was published last; 1 when no manifest can be read. */
async function lastKeep(paths: RepositoryPaths, name: string, versions: readonly string[]): Promise<number> {
  const manifests = await inParallel(
    versions,
    async (version) => await readManifest(entryFolder(paths, name, version)).catch(() => null),
  );
  const readable = manifests.filter((manifest) => manifest !== null);
  return readable.sort((a, b) => (a.publishedAt < b.publishedAt ? 1 : -1))[0]?.keep ?? 1;
}

async function folders(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

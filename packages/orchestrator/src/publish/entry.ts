import { createHash } from 'node:crypto';
import { chmod, lstat, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { entryFolder } from './archive.ts';
import { isDeb, readControl } from './deb.ts';
import { isSystemError, makeFolder, syncPath, syncTree, writePublic } from './disk.ts';
import { PublishError } from './errors.ts';
import { type ArchivedFile, type Manifest, readManifest } from './manifest.ts';
import type { RepositoryPaths } from './paths.ts';
import { type ChosenFile, MANIFEST } from './select.ts';

/** A file to publish and its staged bytes. */
export interface StagedFile extends ChosenFile {
  read(): AsyncIterable<Uint8Array>;
}

/**
 * The manifest of a version that is in the archive, or null when it is not. Throws a PublishError when it holds anything
 * else than these files: what was published once never changes.
 */
export async function findEntry(
  paths: RepositoryPaths,
  name: string,
  version: string,
  files: readonly ChosenFile[],
): Promise<Manifest | null> {
  const folder = entryFolder(paths, name, version);
  const there = await lstat(folder).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return null;
    throw error;
  });
  if (there === null) return null;
  const manifest = await readManifest(folder);
  const difference = firstDifference(manifest.files, files);
  if (difference === null) return manifest;
  throw new PublishError(
    `${name} ${version} was published to ${manifest.repository} by run ${manifest.runId} with other contents (${difference}), and the archive is immutable; publish the change under a new version`,
    { final: true },
  );
}

/** Copies the files to a temporary folder, checks each byte by its digest, and lists them in a manifest beside them. */
export async function prepareEntry(
  paths: RepositoryPaths,
  origin: Omit<Manifest, 'format' | 'files'>,
  staged: readonly StagedFile[],
): Promise<Manifest> {
  const folder = join(paths.temporary, 'entry');
  await makeFolder(folder);
  const files: ArchivedFile[] = [];
  for (const { name, artifact, read } of staged) {
    const path = join(folder, name);
    const { bytes, sha256 } = await writeOut(read(), path);
    if (sha256 !== artifact.sha256)
      throw new PublishError(
        `the staged output ${artifact.path} has SHA-256 ${sha256}, but ${artifact.sha256} was uploaded; build the version again`,
        { final: true },
      );
    files.push({ name, bytes, sha256, ...(isDeb(name) ? { control: await readControl(path) } : {}) });
  }
  const manifest: Manifest = { format: 1, ...origin, files };
  await writePublic(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
  await syncTree(folder);
  return manifest;
}

/** Writes bytes to a new file and takes their digest on the way. */
async function writeOut(source: AsyncIterable<Uint8Array>, path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  const handle = await open(path, 'wx', 0o444);
  let bytes = 0;
  try {
    for await (const chunk of source) {
      hash.update(chunk);
      bytes += chunk.length;
      await handle.writeFile(chunk);
    }
  } finally {
    await handle.close();
  }
  // Whatever the umask: a web server of another user reads it.
  await chmod(path, 0o444);
  return { bytes, sha256: hash.digest('hex') };
}

/** Moves the prepared folder into the archive, whole. */
export async function commitEntry(paths: RepositoryPaths, manifest: Manifest): Promise<void> {
  const folder = entryFolder(paths, manifest.package, manifest.version);
  await makeFolder(dirname(folder));
  await rename(join(paths.temporary, 'entry'), folder);
  for (const parent of [dirname(folder), paths.archive, paths.root]) await syncPath(parent);
}

function firstDifference(old: readonly ArchivedFile[], files: readonly ChosenFile[]): string | null {
  const before = new Map(old.map(({ name, sha256 }) => [name, sha256]));
  for (const { name, artifact } of files) {
    const sha256 = before.get(name);
    if (sha256 === undefined) return `${name} is new`;
    if (sha256 !== artifact.sha256)
      return `${name} had SHA-256 ${sha256.slice(0, 12)}… and has ${artifact.sha256.slice(0, 12)}…`;
    before.delete(name);
  }
  const [gone] = before.keys();
  return gone === undefined ? null : `${gone} is missing`;
}

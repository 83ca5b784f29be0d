import { createWriteStream } from 'node:fs';
import { chmod, lstat, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { POOL, type RepositoryBucket, VIEW } from './bucket.ts';
import type { PublishLog } from './context.ts';
import { digestOf, isSystemError, makeFolder, syncPath, syncTree } from './disk.ts';
import { PublishError } from './errors.ts';
import { type EarlierView, generations } from './generation.ts';
import { readManifest } from './manifest.ts';
import { type RepositoryPaths, unsafePath, versionOfFolder } from './paths.ts';
import { MANIFEST } from './select.ts';

const ARCHIVE_INDEX = `${POOL}index.json`;

/** Brings the folder of a repository up to what the bucket has: another orchestrator may have published since this one did. */
export async function catchUp(
  bucket: RepositoryBucket,
  paths: RepositoryPaths,
  log: PublishLog,
): Promise<EarlierView | null> {
  await restoreArchive(bucket, paths, log);
  const number = bucket.newestGeneration();
  if (number <= ((await generations(paths)).at(-1) ?? 0)) return null;
  // How many versions the view shows of each package: the last one who published knows.
  if (bucket.keysBelow(ARCHIVE_INDEX).length > 0) {
    const draft = join(paths.temporary, 'archive-index');
    await fetchFile(bucket, ARCHIVE_INDEX, draft);
    await rename(draft, paths.archiveIndex);
  }
  const folder = join(paths.temporary, 'earlier');
  for (const key of bucket.keysBelow(`${VIEW}dists/`).filter((one) => /\/Packages(\.gz)?$/.test(one))) {
    const place = join(folder, key.slice(VIEW.length));
    await makeFolder(dirname(place));
    await fetchFile(bucket, key, place);
  }
  return { number, folder };
}

/**
 * Fetches the versions that the bucket has and the folder lacks, as on a new disk or another machine: without them the next
 * view would lose them. Every byte is checked by the version's manifest. Throws a PublishError when one is damaged.
 */
async function restoreArchive(bucket: RepositoryBucket, paths: RepositoryPaths, log: PublishLog): Promise<void> {
  for (const entry of bucket.versions()) {
    const [name = '', folder = ''] = entry.split('/');
    if (unsafePath(entry) || versionOfFolder(folder) === null || (await isThere(join(paths.archive, entry)))) continue;
    const draft = join(paths.temporary, 'restored');
    await rm(draft, { recursive: true, force: true });
    await makeFolder(draft);
    await fetchFile(bucket, `${POOL}${entry}/${MANIFEST}`, join(draft, MANIFEST));
    const manifest = await readManifest(draft);
    for (const file of manifest.files) {
      const wrong = unsafePath(file.name) ?? (file.name.includes('/') ? 'it is a path' : null);
      if (wrong)
        throw new PublishError(`${entry} in ${bucket.store.describe()} names "${file.name}": ${wrong}`, {
          final: true,
        });
      await fetchFile(bucket, `${POOL}${entry}/${file.name}`, join(draft, file.name));
      const { bytes, sha256 } = await digestOf(join(draft, file.name));
      if (bytes !== file.bytes || sha256 !== file.sha256) {
        throw new PublishError(
          `${POOL}${entry}/${file.name} in ${bucket.store.describe()} has other bytes than its ${MANIFEST} says; restore it from a backup, or remove ${POOL}${entry}/ there`,
          { final: false },
        );
      }
      await chmod(join(draft, file.name), 0o444);
    }
    await syncTree(draft);
    const place = join(paths.archive, entry);
    await makeFolder(dirname(place));
    await rename(draft, place);
    for (const parent of [dirname(place), paths.archive]) await syncPath(parent);
    log.info(
      { repository: manifest.repository, package: name, version: manifest.version },
      'archived version fetched from the bucket',
    );
  }
}

async function fetchFile(bucket: RepositoryBucket, key: string, file: string): Promise<void> {
  const source = Readable.from(bucket.store.stream(key));
  await pipeline(source, createWriteStream(file, { flags: 'wx', mode: 0o644 }));
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    (error: unknown) => {
      if (isSystemError(error, 'ENOENT')) return false;
      throw error;
    },
  );
}

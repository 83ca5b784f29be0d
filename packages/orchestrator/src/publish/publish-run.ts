import { randomUUID } from 'node:crypto';
import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CompiledPublish } from '@kiln/protocol/compiled.ts';
import { highestVersions, type PublishedVersion } from '@kiln/store/packages.ts';
import type { Artifact } from '@kiln/store/runs/staged-outputs.ts';
import { hasDebs } from './apt.ts';
import { surveyArchive, writeArchiveIndex } from './archive.ts';
import { RepositoryBucket } from './bucket.ts';
import type { PublishContext } from './context.ts';
import { isSystemError, makeFolder } from './disk.ts';
import { commitEntry, findEntry, prepareEntry } from './entry.ts';
import { PublishError } from './errors.ts';
import { activate, prune } from './generation.ts';
import { openIndexKey } from './index-key.ts';
import { readPublished } from './keys.ts';
import { withRepositoryLock } from './lock.ts';
import { checkName, type RepositoryPaths, repositoryPaths } from './paths.ts';
import { openReleaseKey } from './release-key.ts';
import { catchUp } from './restore.ts';
import { chooseFiles } from './select.ts';
import { StoredSigningKeys } from './signing-keys.ts';
import { readStaged } from './staged.ts';
import { chooseView } from './view.ts';

export { PublishError } from './errors.ts';

/** A run whose jobs are completed, with the outputs that they staged. */
export interface RunToPublish {
  runId: string;
  requestId: string;
  /** The name of the recipe. */
  recipe: string;
  version: string;
  publish: CompiledPublish;
  artifacts: readonly Artifact[];
}

/**
 * Publishes a run: its chosen outputs go to the archive of the repository, and the active view is made anew. All of it is
 * on the disk, and in the bucket where the farm has one, when this returns; give the result to `recordPackages` in the transaction that completes the run.
 *
 * It can be stopped at any instant and called again: what is done already is found and used. The same bytes under a
 * version that is in the archive are fine, other bytes are refused. Throws a PublishError on anything that people must
 * change, other errors when the machine is in the way.
 */
export async function publishRun(context: PublishContext, run: RunToPublish): Promise<PublishedVersion> {
  const { repository, package: name } = run.publish;
  checkName('package', name);
  const paths = repositoryPaths(context.config.repositoriesDir, repository);
  return await withRepositoryLock(context.db, repository, async (stillHeld) => {
    await rm(paths.temporary, { recursive: true, force: true });
    // A folder of this publisher's own: one that lost its lock without knowing can't put anything into it.
    const temporary = join(paths.temporary, randomUUID());
    await makeFolder(paths.archive);
    await makeFolder(temporary);
    try {
      return await publishAlone(context, run, { ...paths, temporary }, stillHeld);
    } catch (cause) {
      if (!isSystemError(cause, 'ENOSPC', 'EDQUOT')) throw cause;
      const message = `there is no room on the disk of the repositories (${paths.root}): make some, and it is published at the next try`;
      throw new PublishError(message, { final: false, cause });
    } finally {
      await removeTemporary(context, repository, temporary);
    }
  });
}

async function removeTemporary({ log }: PublishContext, repository: string, folder: string): Promise<void> {
  try {
    await rm(folder, { recursive: true, force: true });
    await rmdir(dirname(folder));
  } catch (err) {
    log.warn({ repository, err }, 'temporary folder of a repository not removed');
  }
}

async function publishAlone(
  context: PublishContext,
  run: RunToPublish,
  paths: RepositoryPaths,
  stillHeld: () => Promise<void>,
): Promise<PublishedVersion> {
  const { config, db, log } = context;
  const { repository, package: name, keep } = run.publish;
  const { runId, requestId, recipe, version } = run;
  const now = new Date();
  const staged = chooseFiles(run.artifacts, run.publish.files).map((file) => ({
    ...file,
    read: () => readStaged(context, runId, file.artifact),
  }));
  const bucket = await RepositoryBucket.open(context, repository);
  const elsewhere = bucket ? await catchUp(bucket, paths, log) : null;
  const archived = await findEntry(paths, name, version, staged);
  const origin = { repository, package: name, version, recipe, runId, requestId, publishedAt: now.toISOString(), keep };
  const manifest = archived ?? (await prepareEntry(paths, origin, staged));

  const packages = await surveyArchive(paths);
  const all = [...(packages.get(name)?.versions ?? []), version];
  packages.set(name, { keep, versions: highestVersions(all, all.length) });
  const view = await chooseView(paths, packages, manifest, log);
  const keys = new StoredSigningKeys(db, join(config.dataDir, 'keys'));
  const published = async (name: string) => {
    const copies = [await readPublished(join(paths.active, name)), await bucket?.publishedKey(name)];
    return copies.filter((key) => key !== null && key !== undefined);
  };
  const indexKey = await openIndexKey(keys, repository, await published('key.pem'));
  const releaseKey = hasDebs(view) ? await openReleaseKey(keys, repository, await published('key.asc')) : null;

  await stillHeld();
  if (!archived) await commitEntry(paths, manifest);
  await writeArchiveIndex(paths, packages);
  await activate(paths, view, { repository, now, indexKey, releaseKey, elsewhere }, stillHeld);
  await bucket?.copy(paths, stillHeld);
  const pruned = prune(paths, now.getTime()).then(async () => await bucket?.prune(paths, now.getTime()));
  await pruned.catch((err: unknown) => log.warn({ repository, err }, 'old generations of a repository not removed'));
  return {
    repository,
    package: name,
    version,
    recipe: manifest.recipe,
    runId: manifest.runId,
    publishedAt: manifest.publishedAt,
    files: manifest.files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
    keep,
    activeVersions: view.find((one) => one.name === name)?.versions.map((one) => one.version) ?? [],
  };
}

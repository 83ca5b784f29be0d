import { type ArchivedPackage, entryFolder } from './archive.ts';
import type { PublishLog } from './context.ts';
import { identify } from './deb.ts';
import { PublishError } from './errors.ts';
import { type ArchivedFile, type Manifest, readManifest } from './manifest.ts';
import { inParallel } from './parallel.ts';
import { type RepositoryPaths, versionFolder } from './paths.ts';

/** The active view: of each package, by name, its highest versions, highest first. */
export type ActiveView = { name: string; versions: Manifest[] }[];

/** Where a published file is, from the folder of the archive: `<package>/<version>/<file>`. */
export function archivePath(version: Manifest, file: ArchivedFile): string {
  return `${version.package}/${versionFolder(version.version)}/${file.name}`;
}

/**
 * What the archive's packages show. `fresh` is the version being published, which is not in the archive's folders yet. A
 * version whose manifest is damaged is left out, with a warning, so that it does not stop all others.
 */
export async function chooseView(
  paths: RepositoryPaths,
  packages: ReadonlyMap<string, ArchivedPackage>,
  fresh: Manifest,
  log: PublishLog,
): Promise<ActiveView> {
  const chosen = await inParallel([...packages], async ([name, { keep, versions }]) => {
    const shown: Manifest[] = [];
    for (const version of versions) {
      if (shown.length === keep) break;
      if (name === fresh.package && version === fresh.version) shown.push(fresh);
      else {
        try {
          shown.push(await readManifest(entryFolder(paths, name, version)));
        } catch (err) {
          log.warn({ repository: fresh.repository, package: name, version, err }, 'archived version left out');
        }
      }
    }
    return { name, versions: shown };
  });
  const view = chosen.filter(({ versions }) => versions.length > 0);
  refuseSecondDeb(view, fresh);
  return view;
}

/** apt knows a package by name, version and architecture only, and would mix up two with different bytes. */
function refuseSecondDeb(view: ActiveView, fresh: Manifest): void {
  const mine = new Map(debs(fresh).map(({ key, file }) => [key, file]));
  if (mine.size === 0) return;
  for (const version of view.flatMap(({ versions }) => versions)) {
    for (const { key, file } of debs(version)) {
      const own = mine.get(key);
      if (!own || own.sha256 === file.sha256) continue;
      throw new PublishError(
        `the Debian package ${key} is in the repository with other bytes: ${own.name} of ${fresh.package} ${fresh.version} and ${file.name} of ${version.package} ${version.version}; give it a new version in its control file`,
        { final: true },
      );
    }
  }
}

function debs(version: Manifest): { key: string; file: ArchivedFile }[] {
  return version.files.flatMap((file) => {
    if (file.control === undefined) return [];
    const deb = identify(file.control, file.name);
    return [{ key: `${deb.package} ${deb.version} ${deb.architecture}`, file }];
  });
}

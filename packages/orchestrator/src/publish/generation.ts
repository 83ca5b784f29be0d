import { readdir, rename, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { hasDebs, writeAptIndex } from './apt.ts';
import { isSystemError, makeFolder, syncPath, syncTree, writePublic } from './disk.ts';
import type { IndexKey } from './index-key.ts';
import { inParallel } from './parallel.ts';
import { type RepositoryPaths, versionFolder } from './paths.ts';
import type { ReleaseKey } from './release-key.ts';
import { type ActiveView, archivePath } from './view.ts';

/** How many generations always stay behind the active one, how many at most, and how long those between for their readers. */
const KEPT_BEHIND = 2;
const MOST_BEHIND = 10;
const GRACE_MS = 10 * 60_000;

export interface GenerationOptions {
  repository: string;
  now: Date;
  indexKey: IndexKey;
  /** Needed when the view has Debian packages. */
  releaseKey: ReleaseKey | null;
  /** What another orchestrator published since this one did; null: nothing. */
  elsewhere: EarlierView | null;
}

/** A view that is not in the folder of generations: its number, and a folder with its package lists. */
export interface EarlierView {
  number: number;
  folder: string;
}

/**
 * Builds the active view as a folder of its own and makes it the active one in one step, so that whoever reads sees the
 * index, its signature and the files of one moment. `beforeSwitch` is awaited right before that step.
 */
export async function activate(
  paths: RepositoryPaths,
  view: ActiveView,
  options: GenerationOptions,
  beforeSwitch: () => Promise<void>,
): Promise<void> {
  const { elsewhere } = options;
  const numbers = await generations(paths);
  const number = Math.max(numbers.at(-1) ?? 0, elsewhere?.number ?? 0) + 1;
  const made = join(paths.temporary, 'generation');
  await makeFolder(made);
  await makeFolder(paths.generations);
  await symlink('../../archive', join(made, 'pool'));
  await writeView(made, view, number, options);
  if (hasDebs(view) && options.releaseKey) {
    const here = numbers.slice(-KEPT_BEHIND).map((one) => join(paths.generations, String(one)));
    const before = elsewhere ? [...here, elsewhere.folder] : here;
    await writePublic(join(made, 'key.asc'), options.releaseKey.publicKey);
    await writeAptIndex(made, view, options.releaseKey, { ...options, before });
  }
  await syncTree(made);
  await beforeSwitch();
  await rename(made, join(paths.generations, String(number)));
  await syncPath(paths.generations);
  await symlink(`generations/${number}`, join(paths.temporary, 'active'));
  await rename(join(paths.temporary, 'active'), paths.active);
  await syncPath(paths.root);
}

async function writeView(
  folder: string,
  view: ActiveView,
  generation: number,
  options: GenerationOptions,
): Promise<void> {
  await makeFolder(join(folder, 'files'));
  await inParallel(view, async ({ name, versions }) => {
    await makeFolder(join(folder, 'files', name));
    for (const { version } of versions) {
      const entry = versionFolder(version);
      await symlink(`../../../../archive/${name}/${entry}`, join(folder, 'files', name, entry));
    }
  });
  const index = `${JSON.stringify(indexOf(view, generation, options), null, 1)}\n`;
  const files = view.flatMap(({ versions }) => versions.flatMap((one) => one.files.map((file) => ({ one, file }))));
  const sums = files.map(({ one, file }) => `${file.sha256}  pool/${archivePath(one, file)}\n`);
  await writePublic(join(folder, 'index.json'), index);
  await writePublic(join(folder, 'index.json.sig'), `${options.indexKey.sign(index)}\n`);
  await writePublic(join(folder, 'key.pem'), options.indexKey.publicKey);
  await writePublic(join(folder, 'SHA256SUMS'), sums.join(''));
}

/** `index.json`: docs/publishing.md describes it for other programs. */
function indexOf(view: ActiveView, generation: number, { repository, now }: GenerationOptions): object {
  return {
    format: 1,
    repository,
    generation,
    generatedAt: now.toISOString(),
    packages: view.map(({ name, versions }) => ({
      package: name,
      versions: versions.map((one) => ({
        version: one.version,
        recipe: one.recipe,
        runId: one.runId,
        publishedAt: one.publishedAt,
        files: one.files.map((file) => ({
          name: file.name,
          path: `pool/${archivePath(one, file)}`,
          bytes: file.bytes,
          sha256: file.sha256,
        })),
      })),
    })),
  };
}

/**
 * The numbers of the generations that nobody reads any more: neither among the last few, nor replaced a short time ago.
 * They are given oldest first, with the times when they were made; all times in ms.
 */
export function outdated(made: readonly { number: number; madeAt: number }[], now: number): number[] {
  return made.slice(0, -KEPT_BEHIND - 1).flatMap(({ number }, i) => {
    const replacedAt = made[i + 1]?.madeAt ?? now;
    const behind = made.length - 1 - i;
    return behind <= MOST_BEHIND && now - replacedAt < GRACE_MS ? [] : [number];
  });
}

/** Removes the outdated generations of the folder. `now` in ms. */
export async function prune(paths: RepositoryPaths, now: number): Promise<void> {
  const made = await inParallel(await generations(paths), async (number) => {
    return { number, madeAt: (await stat(join(paths.generations, String(number)))).mtimeMs };
  });
  for (const number of outdated(made, now)) {
    const doomed = join(paths.temporary, `generation-${number}`);
    await rename(join(paths.generations, String(number)), doomed);
    await rm(doomed, { recursive: true });
  }
}

/** The numbers of the generations in the folder, ascending. */
export async function generations(paths: RepositoryPaths): Promise<number[]> {
  const names = await readdir(paths.generations).catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return [];
    throw error;
  });
  return numbersOf(names);
}

/** Those of some names that are generations', ascending. */
export function numbersOf(names: readonly string[]): number[] {
  return names
    .filter((name) => /^[1-9]\d{0,14}$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

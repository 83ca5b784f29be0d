import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { S3Blobs } from '@kiln/store/blobs/s3.ts';
import type { PublishContext } from './context.ts';
import { numbersOf, outdated } from './generation.ts';
import type { PublishedKey } from './keys.ts';
import { describeObject } from './object-headers.ts';
import { inParallel } from './parallel.ts';
import type { RepositoryPaths } from './paths.ts';
import { MANIFEST } from './select.ts';

/** The archive, as readers of the view find it in a folder too. */
export const POOL = 'active/pool/';
export const VIEW = 'active/';
const GENERATIONS = 'generations/';
/** What a reader who knows a generation fetches of it, so that index and signature are of one moment. */
const GENERATION_FILES = ['SHA256SUMS', 'index.json', 'index.json.sig', 'key.pem'];
/** What makes a publish visible, in this order: each is put when all that it names is there. */
const POINTERS = [
  'dists/stable/Release',
  'dists/stable/Release.gpg',
  'dists/stable/InRelease',
  'SHA256SUMS',
  'index.json.sig',
  'index.json',
];
/** Package lists by hash that the view does not have any more stay this long, for clients that are reading. */
const GRACE_MS = 60 * 60_000;
/** Each upload may hold a part of 8 MiB. */
const UPLOADS = 4;

/**
 * A repository's copy in a bucket: `active/` with the archive under `active/pool/`, and `generations/<n>/`. A bucket has no
 * links and can't replace a folder at once, so order does it: what never changes is put first, the indexes that name it
 * last. Whatever interrupts it, readers have the view from before or the new one, and the next publish puts what is missing.
 */
export class RepositoryBucket {
  readonly store: S3Blobs;
  /** Bytes by key, of all that the bucket held at the beginning. */
  readonly #there: ReadonlyMap<string, { bytes: number; modifiedAt: Date }>;

  private constructor(store: S3Blobs, there: ReadonlyMap<string, { bytes: number; modifiedAt: Date }>) {
    this.store = store;
    this.#there = there;
  }

  /** Looks at what the bucket holds of a repository; null where the configuration names no bucket. */
  static async open({ config }: Pick<PublishContext, 'config'>, repository: string): Promise<RepositoryBucket | null> {
    if (!config.repositoriesBucket) return null;
    const { name, prefix } = config.repositoriesBucket;
    const store = new S3Blobs(config.s3, { name, prefix: `${prefix}${repository}/` });
    const there = new Map<string, { bytes: number; modifiedAt: Date }>();
    for await (const { key, ...entry } of store.list('')) there.set(key, entry);
    return new RepositoryBucket(store, there);
  }

  /** Paths below the archive of the versions that the bucket holds whole: `<package>/<version>`. */
  versions(): string[] {
    return [...this.#there.keys()].flatMap((key) => {
      const [name, version, file, more] = key.slice(POOL.length).split('/');
      return key.startsWith(POOL) && file === MANIFEST && more === undefined ? [`${name}/${version}`] : [];
    });
  }

  /** The newest generation that the bucket knows; 0: none. */
  newestGeneration(): number {
    return this.#generations().at(-1) ?? 0;
  }

  /** Keys of what the bucket held below a key at the beginning. */
  keysBelow(prefix: string): string[] {
    return [...this.#there.keys()].filter((key) => key.startsWith(prefix));
  }

  /** The public key that the copy was signed with, `key.pem` or `key.asc`; null when there is none yet. */
  async publishedKey(name: string): Promise<PublishedKey | null> {
    const info = this.#there.get(VIEW + name);
    if (!info) return null;
    const text = Buffer.from(await this.store.read(VIEW + name, 0, info.bytes)).toString();
    return { place: `${VIEW}${name} in ${this.store.describe()}`, text };
  }

  /** Copies the repository as it is in the folder. `beforeSwitch` is awaited before readers can see the new view. */
  async copy(paths: RepositoryPaths, beforeSwitch: () => Promise<void>): Promise<void> {
    const archived = await filesBelow(paths.archive);
    const inFolders = archived.filter((path) => path.includes('/'));
    const isManifest = (path: string) => path.endsWith(`/${MANIFEST}`);
    const pool = async (path: string) => await this.#putOnce(POOL + path, join(paths.archive, path));
    // With its manifest a version counts as whole.
    await inParallel(
      inFolders.filter((path) => !isManifest(path)),
      pool,
      UPLOADS,
    );
    await inParallel(inFolders.filter(isManifest), pool, UPLOADS);

    const folder = await realpath(paths.active);
    const generation = basename(folder);
    const view = await filesBelow(folder);
    const byHash = view.filter((path) => path.includes('/by-hash/'));
    await inParallel(byHash, async (path) => await this.#putOnce(VIEW + path, join(folder, path)), UPLOADS);
    await inParallel(
      GENERATION_FILES,
      async (path) => await this.#put(`${GENERATIONS}${generation}/${path}`, join(folder, path)),
      UPLOADS,
    );
    await beforeSwitch();
    await this.#put(`${POOL}index.json`, paths.archiveIndex);
    const rest = view.filter((path) => !byHash.includes(path) && !POINTERS.includes(path));
    for (const path of [...rest, ...POINTERS.filter((one) => view.includes(one))]) {
      await this.#put(VIEW + path, join(folder, path));
    }
  }

  /** Removes what no reader needs any more: `now` in ms. */
  async prune(paths: RepositoryPaths, now: number): Promise<void> {
    const view = new Set((await filesBelow(await realpath(paths.active))).map((path) => VIEW + path));
    const current = Number(basename(await realpath(paths.active)));
    const made = this.#generations().map((number) => ({ number, madeAt: this.#madeAt(number) }));
    const old = new Set(outdated([...made, { number: current, madeAt: now }], now));
    const doomed = [...this.#there].filter(([key, { modifiedAt }]) => {
      if (key.startsWith(GENERATIONS)) return old.has(Number(key.split('/')[1]));
      if (!key.startsWith(VIEW) || key.startsWith(POOL) || view.has(key)) return false;
      return !key.includes('/by-hash/') || now - modifiedAt.getTime() > GRACE_MS;
    });
    await inParallel(doomed, async ([key]) => await this.store.remove(key));
  }

  #generations(): number[] {
    return numbersOf([...new Set(this.keysBelow(GENERATIONS).map((key) => key.split('/')[1] ?? ''))]);
  }

  #madeAt(number: number): number {
    const times = this.keysBelow(`${GENERATIONS}${number}/`).map(
      (key) => this.#there.get(key)?.modifiedAt.getTime() ?? 0,
    );
    return Math.max(...times);
  }

  /** For what never changes: an object of the same size is the same. */
  async #putOnce(key: string, file: string): Promise<void> {
    const { size } = await stat(file);
    if (this.#there.get(key)?.bytes !== size) await this.#put(key, file);
  }

  async #put(key: string, file: string): Promise<void> {
    await this.store.put(key, createReadStream(file, { highWaterMark: 1 << 20 }), describeObject(key));
  }
}

/** The files below a folder by their paths in it, with `/`; links are left out. */
async function filesBelow(folder: string, below = ''): Promise<string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await filesBelow(folder, path)));
    else if (entry.isFile()) found.push(path);
  }
  return found;
}

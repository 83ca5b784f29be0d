import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import {
  type BlobEntry,
  BlobMissing,
  type BlobRange,
  type BlobStore,
  BlobStoreFull,
  checkBlobKey,
} from './blob-store.ts';
import { listFolder } from './list-folder.ts';

/** How much a stream reads at once. */
const CHUNK_BYTES = 256 * 1024;
/** An unfinished file that nobody wrote to for this long is a killed writer's. */
const LEFTOVER_MS = 24 * 60 * 60_000;
/** Folders that others empty and remove at the same moment are made again this often. */
const RENAME_TRIES = 5;

/** Blobs as files of one folder, which several processes may use at once. Unfinished ones are under `.tmp`. */
export class FolderBlobs implements BlobStore {
  readonly #root: string;
  readonly #temporary: string;

  constructor(folder: string) {
    this.#root = resolve(folder);
    this.#temporary = join(this.#root, '.tmp');
  }

  async put(key: string, source: Uint8Array | AsyncIterable<Uint8Array>): Promise<{ bytes: number }> {
    const path = this.#path(key);
    const draft = join(this.#temporary, randomUUID());
    try {
      await mkdir(this.#temporary, { recursive: true, mode: 0o700 });
      const bytes = await writeDraft(draft, source);
      await this.#place(draft, path);
      return { bytes };
    } catch (error) {
      await rm(draft, { force: true });
      if (error instanceof Error && 'code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT'))
        throw new BlobStoreFull(this.describe(), error);
      throw error;
    }
  }

  async read(key: string, offset: number, length: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of this.stream(key, { offset, length })) chunks.push(chunk);
    return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
  }

  async *stream(key: string, range?: BlobRange): AsyncGenerator<Uint8Array> {
    const handle = await this.#open(key);
    try {
      let position = range?.offset ?? 0;
      let left = range?.length ?? Number.POSITIVE_INFINITY;
      while (left > 0) {
        const size = Math.min(left, CHUNK_BYTES);
        const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(size), 0, size, position);
        if (bytesRead === 0) return;
        position += bytesRead;
        left -= bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  }

  async stat(key: string): Promise<{ bytes: number; modifiedAt: Date } | null> {
    const info = await unlessMissing(stat(this.#path(key)));
    return info?.isFile() ? { bytes: info.size, modifiedAt: info.mtime } : null;
  }

  async remove(key: string): Promise<void> {
    const path = this.#path(key);
    await rm(path, { force: true });
    for (let folder = dirname(path); folder !== this.#root; folder = dirname(folder)) {
      if (!(await removeIfEmpty(folder))) break;
    }
  }

  list(prefix: string): AsyncGenerator<BlobEntry> {
    return listFolder(this.#root, prefix);
  }

  async check(): Promise<void> {
    // Before the first blob there is no folder, and what must be writable is the one that it will be made in.
    for (let folder = this.#root; ; folder = dirname(folder)) {
      if ((await unlessMissing(stat(folder))) === null && folder !== dirname(folder)) continue;
      await access(folder, constants.W_OK | constants.X_OK).catch((cause: Error) => {
        throw new Error(`${this.describe()} can't be written: ${cause.message}`, { cause });
      });
      return;
    }
  }

  describe(): string {
    return `the folder ${this.#root}`;
  }

  /** Removes what killed writers left long ago. */
  async removeLeftovers(now = Date.now()): Promise<void> {
    for (const name of (await unlessMissing(readdir(this.#temporary))) ?? []) {
      const path = join(this.#temporary, name);
      const info = await unlessMissing(stat(path));
      if (info && now - info.mtimeMs > LEFTOVER_MS) await rm(path, { force: true });
    }
  }

  #path(key: string): string {
    checkBlobKey(key);
    return join(this.#root, key);
  }

  async #open(key: string): Promise<FileHandle> {
    const handle = await unlessMissing(open(this.#path(key), 'r'));
    if (!handle) throw new BlobMissing(key, this.describe());
    if ((await handle.stat()).isFile()) return handle;
    await handle.close();
    throw new BlobMissing(key, this.describe());
  }

  /** Puts a finished file in place, and waits until the folder's entry for it is on the disk. */
  async #place(draft: string, path: string): Promise<void> {
    const folder = dirname(path);
    for (let attempt = 1; ; attempt++) {
      const made = await mkdir(folder, { recursive: true, mode: 0o700 });
      try {
        await rename(draft, path);
        await syncFolder(folder);
        // New folders are entries of the ones above them.
        for (let above = folder; made && above.length >= made.length; above = dirname(above)) {
          await syncFolder(dirname(above));
        }
        return;
      } catch (error) {
        if (!isMissing(error) || attempt === RENAME_TRIES) throw error;
      }
    }
  }
}

async function writeDraft(path: string, source: Uint8Array | AsyncIterable<Uint8Array>): Promise<number> {
  const handle = await open(path, 'wx', 0o600);
  try {
    let bytes = 0;
    const chunks = source instanceof Uint8Array ? [source] : source;
    for await (const chunk of chunks) {
      await handle.writeFile(chunk);
      bytes += chunk.length;
    }
    await handle.sync();
    return bytes;
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch {
    // Others are in it, or removed it first; either way there is nothing to do.
    return false;
  }
}

/** The result, or null where the file or a folder on its way is not there. */
async function unlessMissing<T>(work: Promise<T>): Promise<T | null> {
  return await work.catch((error: unknown) => {
    if (isMissing(error)) return null;
    throw error;
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

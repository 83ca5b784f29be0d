import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { BlobEntry } from './blob-store.ts';

/**
 * The files below a folder whose path, with `/` between its parts, begins with `prefix`. Names at the root that begin with
 * a dot are no blobs.
 */
export async function* listFolder(root: string, prefix: string): AsyncGenerator<BlobEntry> {
  const parts = prefix.split('/').slice(0, -1);
  // A prefix from outside must not lead elsewhere; no key has such parts.
  if (prefix.startsWith('.') || parts.some((part) => part === '' || part === '.' || part === '..')) return;
  yield* walk(root, parts.map((part) => `${part}/`).join(''), prefix);
}

/** `below`: a path that ends with a slash, or nothing. */
async function* walk(root: string, below: string, prefix: string): AsyncGenerator<BlobEntry> {
  for (const entry of (await ifThere(readdir(join(root, below), { withFileTypes: true }))) ?? []) {
    const key = below + entry.name;
    if (key.startsWith('.') || !key.startsWith(prefix)) continue;
    if (entry.isDirectory()) yield* walk(root, `${key}/`, prefix);
    else if (entry.isFile()) {
      const info = await ifThere(stat(join(root, key)));
      if (info) yield { key, bytes: info.size, modifiedAt: info.mtime };
    }
  }
}

async function ifThere<T>(work: Promise<T>): Promise<T | null> {
  return await work.catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  });
}

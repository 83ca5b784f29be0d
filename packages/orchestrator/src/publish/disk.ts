import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inParallel } from './parallel.ts';

/** Makes a folder and those above it that are missing, each readable by a web server of another user whatever the umask. */
export async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o755 });
  if (first === undefined) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await chmod(folder, 0o755);
}

/** Writes a new file that a web server of another user can read whatever the umask. */
export async function writePublic(path: string, data: string | Uint8Array): Promise<void> {
  await writeFile(path, data, { flag: 'wx' });
  await chmod(path, 0o644);
}

/** Writes a file under a temporary name in `temporary`, to the disk, and puts it in place at once. */
export async function replaceFile(path: string, temporary: string, data: string, mode = 0o644): Promise<void> {
  await writeFile(temporary, data, { mode });
  await chmod(temporary, mode);
  await syncPath(temporary);
  await rename(temporary, path);
  await syncPath(dirname(path));
}

/** Waits until a file, or the entries of a folder, are on the disk. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Waits until a folder with all that it holds is on the disk. Links are not followed. */
export async function syncTree(folder: string): Promise<void> {
  await inParallel(await readdir(folder, { withFileTypes: true }), async (entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncPath(path);
  });
  await syncPath(folder);
}

/** Size in bytes and SHA-256 in lower-case hex of a file of any size. */
export async function digestOf(path: string): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** The text of a file, or null when there is none. */
export async function readIfThere(file: string): Promise<string | null> {
  return await readFile(file, 'utf8').catch((error: unknown) => {
    if (isSystemError(error, 'ENOENT')) return null;
    throw error;
  });
}

/** Whether an error is the system's, with one of these codes. */
export function isSystemError(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code);
}

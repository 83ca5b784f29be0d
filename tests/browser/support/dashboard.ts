import { execFile } from 'node:child_process';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const WEB = join(import.meta.dirname, '../../../packages/web');
const LOCK_MS = 200;
/** A build takes seconds; a lock that is older was left by a killed one. */
const STALE_LOCK_MS = 120_000;

/** The folder of the built dashboard; builds it when a source is newer. Processes that ask at once build once. */
export async function builtDashboard(): Promise<string> {
  const dist = join(WEB, 'dist');
  const lock = join(WEB, 'node_modules', '.kiln-build');
  await mkdir(join(WEB, 'node_modules'), { recursive: true });
  while (!(await isFresh(dist))) {
    if (!(await take(lock))) {
      await new Promise((resolve) => setTimeout(resolve, LOCK_MS));
      continue;
    }
    try {
      if (!(await isFresh(dist))) await buildInto(dist);
    } finally {
      await rm(lock, { recursive: true, force: true });
    }
  }
  return dist;
}

async function take(lock: string): Promise<boolean> {
  try {
    await mkdir(lock);
    return true;
  } catch {
    const made = await stat(lock).catch(() => null);
    if (made && Date.now() - made.mtimeMs > STALE_LOCK_MS) await rm(lock, { recursive: true, force: true });
    return false;
  }
}

async function buildInto(dist: string): Promise<void> {
  const fresh = `${dist}-${process.pid}`;
  const vite = fileURLToPath(new URL('bin/vite.js', import.meta.resolve('vite/package.json')));
  // In a process of its own: the tests' NODE_ENV would make it a build for development.
  await run(process.execPath, [vite, 'build', '--logLevel', 'error', '--outDir', fresh, '--emptyOutDir'], {
    cwd: WEB,
    env: { ...process.env, NODE_ENV: 'production' },
  });
  await rm(dist, { recursive: true, force: true });
  await rename(fresh, dist);
}

async function isFresh(dist: string): Promise<boolean> {
  const built = await stat(join(dist, 'index.html')).catch(() => null);
  if (!built) return false;
  const sources = await Promise.all([
    newest(join(WEB, 'src')),
    newest(join(WEB, 'public')),
    ...['index.html', 'vite.config.ts', 'package.json'].map(async (name) => (await stat(join(WEB, name))).mtimeMs),
  ]);
  return built.mtimeMs >= Math.max(...sources);
}

/** When a file of the folder, or of one within, was last changed. Tests are no part of the dashboard. */
async function newest(folder: string): Promise<number> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const times = entries
    .filter((entry) => entry.isFile() && !/\.test\.tsx?$/.test(entry.name))
    .map(async (entry) => (await stat(join(entry.parentPath, entry.name))).mtimeMs);
  return Math.max(0, ...(await Promise.all(times)));
}

import { lstat, readdir, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FastifyInstance } from 'fastify';
import { FOREIGN_POLICY } from './headers.ts';
import { type Entry, listingPage } from './listing-page.ts';

/**
 * The published repositories under /repo/<name>/, open to everybody: they are plain folders, and any static web server
 * serves them as well. What begins with a dot is work in progress and is not shown.
 */
export function addRepositoryRoutes(app: FastifyInstance, repositoriesDir: string): void {
  const root = resolve(repositoriesDir);
  registerRoute(app, 'GET /repo', async (_request, reply) => await reply.redirect('repo/', 302));
  registerRoute(app, 'GET /repo/*', async (request, reply) => {
    const path = request.params['*'];
    const folder = await findFolder(root, path);
    reply.header('content-security-policy', FOREIGN_POLICY);
    if (folder === null) return await reply.sendFile(path, root, { maxAge: 0 });
    if (path !== '' && !path.endsWith('/')) return await reply.redirect(`${lastPart(path)}/`, 302);
    reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache');
    return await reply.send(listingPage(`/repo/${path}`, path === '', await entries(folder)));
  });
}

/** The folder that a path names, or null when it names none. Throws 404 for what is not shown. */
async function findFolder(root: string, path: string): Promise<string | null> {
  const folder = resolve(root, path);
  const parts = path.split('/');
  if (path.includes('\0') || parts.some((part) => part.startsWith('.')) || !`${folder}${sep}`.startsWith(root + sep)) {
    throw new HttpError('not_found', 'there is no such file in the repositories');
  }
  // Before the first publish there is no folder, and its list is empty.
  if (path === '') return root;
  try {
    return (await stat(folder)).isDirectory() ? folder : null;
  } catch {
    // Whatever is wrong with it, sending it as a file says so.
    return null;
  }
}

async function entries(folder: string): Promise<Entry[]> {
  const all = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  const names = all.filter((name) => !name.startsWith('.')).sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      const info = await stat(path).catch(async () => await lstat(path).catch(() => null));
      return info ? [{ name, directory: info.isDirectory(), bytes: info.size, modified: info.mtime }] : [];
    }),
  );
  return found.flat();
}

/** A relative address that goes through every browser and proxy as it is. */
function lastPart(path: string): string {
  return `./${encodeURIComponent(path.split('/').at(-1) ?? '')}`;
}

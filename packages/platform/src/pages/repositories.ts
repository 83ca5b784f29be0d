import type { ResolvedConfig } from '@kiln/service/config.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import { S3Blobs } from '@kiln/store/blobs/s3.ts';
import { S3Error } from '@kiln/store/blobs/s3-error.ts';
import type { FastifyInstance } from 'fastify';
import { FOREIGN_POLICY } from './headers.ts';
import { listingPage } from './listing-page.ts';
import { PublishedBucket } from './published-bucket.ts';
import type { PublishedFiles } from './published-files.ts';
import { PublishedFolder } from './published-folder.ts';

/** Somebody waits for the answer: less patient than publishing is. */
const TIMING = { limitMs: 10_000, backoffMs: 100, tries: 3 };

/**
 * The published repositories under /repo/<name>/, open to everybody: folders as pages, and their files. What begins with a
 * dot is work in progress and is not shown.
 */
export function addRepositoryRoutes(app: FastifyInstance, config: ResolvedConfig): void {
  const published = publishedFiles(config);
  registerRoute(app, 'GET /repo', async (_request, reply) => await reply.redirect('repo/', 302));
  registerRoute(app, 'GET /repo/*', async (request, reply) => {
    const path = request.params['*'];
    const hidden = path.includes('\0') || path.split('/').some((part) => part.startsWith('.'));
    const found = hidden ? null : await published.find(path).catch(tellTrouble);
    if (found === null) throw new HttpError('not_found', 'there is no such file in the repositories');
    reply.header('content-security-policy', FOREIGN_POLICY);
    if (found.kind === 'file') return await found.send(request, reply).catch(tellTrouble);
    if (path !== '' && !path.endsWith('/')) return await reply.redirect(`${lastPart(path)}/`, 302);
    reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache');
    return await reply.send(listingPage(`/repo/${path}`, path === '', await found.entries()));
  });
}

/** With a bucket it is what counts: of what other machines publish this one's folder knows nothing. */
function publishedFiles({ repositoriesBucket, repositoriesDir, s3 }: ResolvedConfig): PublishedFiles {
  if (repositoriesBucket === null) return new PublishedFolder(repositoriesDir);
  return new PublishedBucket(new S3Blobs(s3, repositoriesBucket, TIMING));
}

/** What goes wrong at the bucket is no fault of this server. */
function tellTrouble(error: unknown): never {
  if (!(error instanceof S3Error)) throw error;
  throw new HttpError('bucket_unavailable', error.message);
}

/** A relative address that goes through every browser and proxy as it is. */
function lastPart(path: string): string {
  return `./${encodeURIComponent(path.split('/').at(-1) ?? '')}`;
}

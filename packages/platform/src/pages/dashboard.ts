import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type IndexFile, NOT_BUILT } from './index-page.ts';

/** Files under assets/ have their content's hash in their name. */
const YEAR_MS = 365 * 86_400_000;

/** Answers with the dashboard's page, whatever the address: its router reads it in the browser. */
export async function sendDashboard(
  index: IndexFile,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache');
  const page = await index.page();
  if (!page) return await reply.code(503).send(NOT_BUILT);
  reply.header('etag', page.etag);
  if (request.headers['if-none-match'] === page.etag) return await reply.code(304).send();
  return await reply.send(page.html);
}

/** The dashboard: its files, and its page for every other address that a browser asks for as a page. */
export function addDashboardRoutes(app: FastifyInstance, webRoot: string, index: IndexFile): void {
  registerRoute(
    app,
    'GET /assets/*',
    async (request, reply) =>
      await reply.sendFile(`assets/${request.params['*']}`, webRoot, { maxAge: YEAR_MS, immutable: true }),
  );

  registerRoute(app, 'GET /*', async (request, reply) => {
    const path = request.params['*'];
    // Files beside the page, such as its icon, have a dot in their name and no folder.
    if (/^[\w-]+(\.[\w-]+)+$/.test(path) && path !== 'index.html') {
      return await reply.sendFile(path, webRoot, { maxAge: 0 });
    }
    if (path !== '' && !accepts(request)) {
      throw new HttpError('not_found', `there is no GET /${path.slice(0, 200)}`);
    }
    return await sendDashboard(index, request, reply);
  });
}

/** Whether a browser asks for a page, not a program or a script for data. */
function accepts(request: FastifyRequest): boolean {
  return (request.headers.accept ?? '').includes('text/html');
}

import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { firstLine, LogExpired } from '@kiln/store/logs/log-store.ts';
import type { FastifyInstance } from 'fastify';
import { passesAll } from '../../search/filter.ts';
import { cursorOf, lineOfCursor } from './cursor.ts';
import { sendLog } from './download.ts';
import { filteredPage } from './filtered-lines.ts';
import { addLogFileRoute } from './log-file.ts';
import { readFilter } from './read-filter.ts';
import { expired, readableLog } from './readable-log.ts';
import { addSearchRoute } from './search.ts';

/** Everything about logs but the live socket. */
export function addLogRoutes(app: FastifyInstance, context: FarmContext): void {
  // A log may be removed in the middle of an answer.
  app.setErrorHandler<Error>((error) => {
    throw error instanceof LogExpired ? expired(error) : error;
  });
  addPageRoute(app, context);
  addOutlineRoute(app, context);
  addDownloadRoutes(app, context);
  addSearchRoute(app, context);
  addLogFileRoute(app, context);
}

function addPageRoute(app: FastifyInstance, { db, logs }: FarmContext): void {
  registerRoute(app, 'GET /api/jobs/:id/log', async (request) => {
    const { id } = request.params;
    const { attempt, from = 1, limit = 500, cursor } = request.query;
    const standing = await readableLog(logs, id, attempt);
    const filter = await readFilter(db, id, standing, request.query);
    const first = cursor === undefined ? firstLine(from, standing.lines) : lineOfCursor(cursor);
    if (!passesAll(filter)) {
      const { lines, next } = await filteredPage(logs, id, standing, filter, { from: first, limit });
      const { lines: total, finished } = standing;
      const more = next === null ? null : cursorOf(next);
      return { jobId: id, attempt: standing.attempt, lines, total, complete: finished, next: more };
    }
    const page = await logs.page(id, standing, first, limit);
    const next = (page.lines.at(-1)?.line ?? first - 1) + 1;
    return { ...page, next: next > page.total && page.complete ? null : cursorOf(next) };
  });
}

function addOutlineRoute(app: FastifyInstance, { logs }: FarmContext): void {
  registerRoute(app, 'GET /api/jobs/:id/log/outline', async (request) => {
    const { id } = request.params;
    const standing = await readableLog(logs, id, request.query.attempt);
    const { attempt, finished } = standing;
    return { jobId: id, attempt, complete: finished, ...(await logs.outline(id, standing)) };
  });
}

function addDownloadRoutes(app: FastifyInstance, { db, logs }: FarmContext): void {
  for (const [key, format] of [
    ['GET /api/jobs/:id/log.txt', 'text'],
    ['GET /api/jobs/:id/log.jsonl', 'jsonl'],
  ] as const) {
    registerRoute(app, key, async (request, reply) => {
      const { id } = request.params;
      const standing = await readableLog(logs, id, request.query.attempt);
      const filter = await readFilter(db, id, standing, request.query);
      return await sendLog(request, reply, { logs, jobId: id, standing, format, filter });
    });
  }
}

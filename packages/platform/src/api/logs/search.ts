import { Readable } from 'node:stream';
import type { LogSearchMessage } from '@kiln/protocol/log-api.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { LogExpired } from '@kiln/store/logs/log-store.ts';
import type { FastifyInstance } from 'fastify';
import { searchPattern } from '../../search/pattern.ts';
import { SearchPool } from '../../search/pool.ts';
import { searchLog } from '../../search/search-log.ts';
import { readFilter } from './read-filter.ts';
import { readableLog } from './readable-log.ts';

/** When to ask again after there were too many searches, in seconds. */
const RETRY_AFTER = 2;

/** `GET /api/jobs/{id}/log/search` */
export function addSearchRoute(app: FastifyInstance, context: FarmContext): void {
  const pool = new SearchPool();
  context.lifecycle.onStop('search threads', async () => await pool.close());
  registerRoute(app, 'GET /api/jobs/:id/log/search', async (request, reply) => {
    const { id } = request.params;
    const { q, mode = 'text', attempt, from = 1, context: around = 0, limit = 1000 } = request.query;
    const pattern = searchPattern({ q, mode, case: request.query.case ?? null });
    const standing = await readableLog(context.logs, id, attempt);
    const filter = await readFilter(context.db, id, standing, request.query);
    const lane = pool.open();
    if (!lane) {
      const message = 'too many searches run at once; try again in a moment';
      throw new HttpError('too_many_searches', message, {}, { 'retry-after': RETRY_AFTER });
    }
    // Comes after the last byte too, and also when the answer never began.
    reply.raw.once('close', () => lane.close());
    if (reply.raw.destroyed) lane.close();
    const search = { logs: context.logs, jobId: id, standing, filter, pattern, from, context: around, limit };
    reply.header('content-type', 'application/x-ndjson; charset=utf-8');
    // Else nginx would keep hits until its buffer is full.
    reply.header('x-accel-buffering', 'no');
    return await reply.send(Readable.from(jsonLines(searchLog(search, lane), context), { objectMode: false }));
  });
}

/** The messages as JSON lines. Once the answer began, an error is its last line. */
async function* jsonLines(messages: AsyncGenerator<LogSearchMessage[]>, { log }: FarmContext): AsyncGenerator<string> {
  try {
    for await (const some of messages) yield toLines(some);
  } catch (error) {
    const gone = error instanceof LogExpired;
    if (!gone) log.warn({ err: error }, 'a search of a log failed');
    const message = error instanceof Error ? error.message : String(error);
    yield toLines([{ type: 'error', code: gone ? 'log_expired' : 'unavailable', message }]);
  }
}

function toLines(messages: readonly LogSearchMessage[]): string {
  return messages.map((message) => `${JSON.stringify(message)}\n`).join('');
}

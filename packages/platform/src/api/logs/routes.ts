import { ApiError } from '@kiln/protocol/api.ts';
import {
  LogDownloadQuery,
  LogOutlineAnswer,
  LogOutlineQuery,
  LogPageAnswer,
  LogQuery,
} from '@kiln/protocol/log-api.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { firstLine, LogExpired } from '@kiln/store/logs/log-store.ts';
import type { App } from '../../app.ts';
import { IdParams } from '../params.ts';
import { cursorOf, lineOfCursor } from './cursor.ts';
import { sendLog } from './download.ts';
import { passesAll } from './filter.ts';
import { filteredPage } from './filtered-lines.ts';
import { addLogFileRoute } from './log-file.ts';
import { readFilter } from './read-filter.ts';
import { addSearchRoute } from './search.ts';
import { expired, readableLog } from './standing.ts';

const tags = ['logs'];
const errors = { 400: ApiError, 404: ApiError, 410: ApiError };

/** Everything about logs but the live socket. */
export function addLogRoutes(app: App, context: FarmContext): void {
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

function addPageRoute(app: App, context: FarmContext): void {
  const { logs } = context;
  app.get(
    '/api/jobs/:id/log',
    {
      schema: {
        summary: 'Lines of a log',
        description:
          'With filters, a page holds the lines that pass among those that it looked at. It may be short, or empty, before the end: go on with `next`.',
        tags,
        params: IdParams,
        querystring: LogQuery,
        response: { 200: LogPageAnswer, ...errors },
      },
    },
    async (request): Promise<LogPageAnswer> => {
      const { id } = request.params;
      const { attempt, from = 1, limit = 500, cursor } = request.query;
      const standing = await readableLog(logs, id, attempt);
      const filter = await readFilter(context.db, id, standing, request.query);
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
    },
  );
}

function addOutlineRoute(app: App, { logs }: FarmContext): void {
  app.get(
    '/api/jobs/:id/log/outline',
    {
      schema: {
        summary: 'What is where in a log',
        description:
          'Counts of levels and components that equal the log, its sections by phase and step, where its warnings and errors are, and how they are spread.',
        tags,
        params: IdParams,
        querystring: LogOutlineQuery,
        response: { 200: LogOutlineAnswer, ...errors },
      },
    },
    async (request): Promise<LogOutlineAnswer> => {
      const { id } = request.params;
      const standing = await readableLog(logs, id, request.query.attempt);
      const { attempt, finished } = standing;
      return { jobId: id, attempt, complete: finished, ...(await logs.outline(id, standing)) };
    },
  );
}

function addDownloadRoutes(app: App, context: FarmContext): void {
  for (const [name, format, summary] of [
    ['log.txt', 'text', 'A log as text'],
    ['log.jsonl', 'jsonl', 'A log, one JSON object a line'],
  ] as const) {
    app.get(
      `/api/jobs/:id/${name}`,
      {
        schema: {
          summary,
          description:
            'Of any size, as far as it is written. A whole log as text is sent as it is stored to clients that accept zstd; everything else by gzip to clients that accept that.',
          tags,
          params: IdParams,
          querystring: LogDownloadQuery,
          response: errors,
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const standing = await readableLog(context.logs, id, request.query.attempt);
        const filter = await readFilter(context.db, id, standing, request.query);
        return await sendLog(request, reply, { logs: context.logs, jobId: id, standing, format, filter });
      },
    );
  }
}

import { ApiError, JobAnswer, LogPage } from '@kiln/protocol/api.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { readJob } from '@kiln/store/reads/jobs.ts';
import { type LogStanding, readLogPage, readLogStanding } from '@kiln/store/reads/log-pages.ts';
import Type from 'typebox';
import type { App } from '../app.ts';
import { sendLog } from './log-download.ts';
import { Attempt, IdParams, notFound } from './params.ts';

const tags = ['jobs'];
/** Line numbers are exact in JavaScript up to here. */
const MAX_LINE = Number.MAX_SAFE_INTEGER;

const LogQuery = Type.Object(
  {
    attempt: Type.Optional(Attempt),
    from: Type.Optional(Type.Integer({ minimum: -MAX_LINE, maximum: MAX_LINE, default: 1 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 5000, default: 500 })),
  },
  { additionalProperties: false },
);
const DownloadQuery = Type.Object({ attempt: Type.Optional(Attempt) }, { additionalProperties: false });

/** Jobs and their logs. An absent `attempt` means the latest one. */
export function addJobRoutes(app: App, { db }: FarmContext): void {
  const standingOf = async (jobId: string, attempt: number | undefined): Promise<LogStanding> => {
    const standing = await readLogStanding(db, jobId, attempt ?? null);
    if (!standing) throw notFound(attempt === undefined ? 'log yet of job' : `attempt ${attempt} of job`, jobId);
    return standing;
  };

  app.get(
    '/api/jobs/:id',
    { schema: { summary: 'One job', tags, params: IdParams, response: { 200: JobAnswer, 404: ApiError } } },
    async (request) => {
      const job = await readJob(db, request.params.id);
      if (!job) throw notFound('job', request.params.id);
      return job;
    },
  );

  app.get(
    '/api/jobs/:id/log',
    {
      schema: {
        summary: 'Lines of a log; a negative `from` counts from the end',
        tags,
        params: IdParams,
        querystring: LogQuery,
        response: { 200: LogPage, 404: ApiError },
      },
    },
    async (request) => {
      const { attempt, from = 1, limit = 500 } = request.query;
      const standing = await standingOf(request.params.id, attempt);
      return await readLogPage(db, request.params.id, standing, from, limit);
    },
  );

  for (const [name, format] of [
    ['log.txt', 'text'],
    ['log.jsonl', 'jsonl'],
  ] as const) {
    app.get(
      `/api/jobs/:id/${name}`,
      {
        schema: {
          summary: format === 'text' ? 'A whole log as text' : 'A whole log, one JSON object a line',
          description: 'As far as it is written. Text is sent as it is stored to clients that accept zstd.',
          tags,
          params: IdParams,
          querystring: DownloadQuery,
          response: { 404: ApiError },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        const standing = await standingOf(id, request.query.attempt);
        return await sendLog(request, reply, { db, jobId: id, standing, format });
      },
    );
  }
}

import { ApiError } from '@kiln/protocol/api.ts';
import { LogFileQuery } from '@kiln/protocol/log-api.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { App } from '../../app.ts';
import { isUuid, MAX_INTEGER, notFound } from '../params.ts';
import { sendLog } from './download.ts';
import { NO_FILTER } from './filter.ts';
import { readableLog } from './standing.ts';

/** The whole of a reference, so that there is no path in it: the attempt, and how to write its log. */
const FILE = /^([1-9]\d{0,9})\.(log|txt|jsonl)$/;

/** `GET /api/build-logs/proxy`: a log by the reference that the API gives as `logFile`. */
export function addLogFileRoute(app: App, { logs }: FarmContext): void {
  app.get(
    '/api/build-logs/proxy',
    {
      schema: {
        summary: 'A log by its file reference',
        description: 'The same as `log.txt` and `log.jsonl` of the job, wherever the log is kept.',
        tags: ['logs'],
        querystring: LogFileQuery,
        response: { 404: ApiError, 410: ApiError },
      },
    },
    async (request, reply) => {
      const { task_id: jobId, file } = request.query;
      if (!isUuid(jobId)) throw notFound('task', jobId);
      const [, attempt, kind] = FILE.exec(file) ?? [];
      if (attempt === undefined || Number(attempt) > MAX_INTEGER) throw notFound(`log file of task ${jobId}`, file);
      const standing = await readableLog(logs, jobId, Number(attempt));
      const format = kind === 'jsonl' ? 'jsonl' : 'text';
      return await sendLog(request, reply, { logs, jobId, standing, format, filter: NO_FILTER });
    },
  );
}

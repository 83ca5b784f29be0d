import { MAX_INTEGER } from '@kiln/protocol/routes/params.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { FastifyInstance } from 'fastify';
import { isUuid, notFound } from '../../http/params.ts';
import { NO_FILTER } from '../../search/filter.ts';
import { sendLog } from './download.ts';
import { readableLog } from './readable-log.ts';

/** The whole of a reference, so that there is no path in it: the attempt, and how to write its log. */
const FILE = /^([1-9]\d{0,9})\.(log|txt|jsonl)$/;

/** `GET /api/build-logs/proxy`: a log by the reference that the API gives as `logFile`. */
export function addLogFileRoute(app: FastifyInstance, { logs }: FarmContext): void {
  registerRoute(app, 'GET /api/build-logs/proxy', async (request, reply) => {
    const { task_id: jobId, file } = request.query;
    if (!isUuid(jobId)) throw notFound('task', jobId);
    const [, attempt, kind] = FILE.exec(file) ?? [];
    if (attempt === undefined || Number(attempt) > MAX_INTEGER) throw notFound(`log file of task ${jobId}`, file);
    const standing = await readableLog(logs, jobId, Number(attempt));
    const format = kind === 'jsonl' ? 'jsonl' : 'text';
    return await sendLog(request, reply, { logs, jobId, standing, format, filter: NO_FILTER });
  });
}

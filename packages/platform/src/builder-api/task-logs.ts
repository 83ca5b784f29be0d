import type { LogLine } from '@kiln/protocol/api.ts';
import { MAX_INTEGER } from '@kiln/protocol/routes/params.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { LogStanding, LogStore } from '@kiln/store/logs/log-store.ts';
import { readAttemptPhases } from '@kiln/store/reads/tasks.ts';
import type { FastifyInstance } from 'fastify';
import { filteredPage } from '../api/logs/filtered-lines.ts';
import { readFilter } from '../api/logs/read-filter.ts';
import { readableLog } from '../api/logs/readable-log.ts';
import { isUuid, notFound } from '../http/params.ts';
import type { LogFilter } from '../search/filter.ts';
import { contextOf, timestampOf } from './entry.ts';

/** Pages of lines that one request looks through for `q`. */
const MOST_PAGES = 20;

/** `GET /api/vm-build/task-logs/{task_id}`: the log of a task, as the build service says it. */
export function addTaskLogsRoute(app: FastifyInstance, { db, logs }: FarmContext): void {
  registerRoute(app, 'GET /api/vm-build/task-logs/:task_id', async (request) => {
    const { task_id: given } = request.params;
    if (!isUuid(given)) throw notFound('task', given);
    const taskId = given.toLowerCase();
    const { attempt, q, limit = 500, cursor, ...filters } = request.query;
    const place = cursor === undefined ? null : readCursor(cursor);
    const standing = await readableLog(logs, taskId, place?.attempt ?? attempt);
    const phases = await readAttemptPhases(db, taskId, standing.attempt);
    const filter = await readFilter(db, taskId, standing, filters);
    const from = place?.line ?? 1;
    const { lines, next } = await matchingPage(logs, taskId, standing, filter, { from, limit, q });
    return {
      task_id: taskId,
      attempt: standing.attempt,
      entries: lines.map((line) => ({
        line: line.line,
        timestamp: timestampOf(Date.parse(line.time)),
        level: LOG_LEVELS.find((level) => level === line.level) ?? 'INFO',
        component: line.component,
        context: contextOf(line, phases),
        message: line.text,
      })),
      next_cursor: next === null ? null : `${standing.attempt}.${next}`,
      complete: standing.finished && next === null,
    };
  });
}

/** A page of what passes the filter and holds `q`. It ends early, or empty, when that took too much work. */
async function matchingPage(
  logs: LogStore,
  taskId: string,
  standing: LogStanding,
  filter: LogFilter,
  { from, limit, q }: { from: number; limit: number; q: string | undefined },
): Promise<{ lines: LogLine[]; next: number | null }> {
  const wanted = q?.toLowerCase();
  if (wanted === undefined) return await filteredPage(logs, taskId, standing, filter, { from, limit });
  const lines: LogLine[] = [];
  let next: number | null = from;
  for (let pages = 0; pages < MOST_PAGES && lines.length < limit && next !== null; pages++) {
    const before: number = next;
    const page = await filteredPage(logs, taskId, standing, filter, { from: before, limit: 5000 });
    const found = page.lines.filter(({ text }) => text.toLowerCase().includes(wanted));
    const left = found[limit - lines.length];
    lines.push(...found.slice(0, limit - lines.length));
    next = left?.line ?? page.next;
    // The end of a log that is still written.
    if (next === before) break;
  }
  return { lines, next };
}

/** A cursor is the attempt and the line to go on with. */
function readCursor(cursor: string): { attempt: number; line: number } {
  const [, attempt, line] = /^(\d{1,10})\.(\d{1,15})$/.exec(cursor) ?? [];
  if (attempt === undefined || Number(attempt) < 1 || Number(attempt) > MAX_INTEGER || Number(line) < 1) {
    throw new HttpError('bad_cursor', 'the cursor is not one that a page of this log gave as next_cursor');
  }
  return { attempt: Number(attempt), line: Number(line) };
}

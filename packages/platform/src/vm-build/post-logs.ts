import { ApiError } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { PostedLogs, PostedLogsAnswer } from '@kiln/protocol/vm-build.ts';
import { HttpError } from '@kiln/service/http.ts';
import { type Appended, appendBuilderLogs } from '@kiln/store/builders/append-logs.ts';
import { logCopy } from '@kiln/store/bus/log-copy.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { isUuid, notFound } from '../api/params.ts';
import type { App } from '../app.ts';
import { readBatch } from './read-batch.ts';

/** Largest batch in bytes. */
const BODY_LIMIT = 4 * 1024 * 1024;

/** `POST /api/vm-build/task-logs`: what a builder has to say about a task that it holds. */
export function addPostLogsRoute(app: App, { db, bus }: FarmContext): void {
  app.post(
    '/api/vm-build/task-logs',
    {
      bodyLimit: BODY_LIMIT,
      schema: {
        summary: 'Append a batch of log entries to a task (builders)',
        description: 'A batch that comes again adds nothing. docs/builders.md is the guide.',
        tags: ['builders'],
        security: [{ builder: [] }],
        body: PostedLogs,
        response: {
          200: PostedLogsAnswer,
          403: ApiError,
          404: ApiError,
          409: ApiError,
          413: ApiError,
          422: ApiError,
          429: ApiError,
        },
      },
    },
    async (request) => {
      const { task_id: taskId, batch_id: batchId = null } = request.body;
      const token = request.headers.authorization?.split(' ').at(-1) ?? '';
      const entries = readBatch(request.body, token);
      if (!isUuid(taskId)) throw notFound('task', taskId);
      const jobId = taskId.toLowerCase();
      const builder = request.builder ?? '';
      const appended = await appendBuilderLogs(db, { jobId, builder, batchId, entries });
      if (!('frames' in appended)) throw refusal(appended, taskId, builder);
      if (appended.frames.length > 0) {
        bus.publish(SUBJECTS.log(jobId, appended.attempt), logCopy(appended.frames));
      }
      return { accepted: appended.accepted };
    },
  );
}

function refusal(appended: Exclude<Appended, { frames: unknown }>, taskId: string, builder: string): HttpError {
  switch (appended.outcome) {
    case 'unknown':
      return notFound('task', taskId);
    case 'not_held':
      return new HttpError(403, 'not_held', `builder ${builder} does not hold task ${taskId}`);
    case 'batch_reused':
      return new HttpError(409, 'batch_reused', 'another batch of this task had the same batch_id; give each its own');
    case 'finished':
      return new HttpError(409, 'task_finished', `task ${taskId} is ${appended.status}: its log has ended`, {
        from: appended.status,
      });
  }
}

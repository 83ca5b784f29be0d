import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { bearerToken } from '@kiln/service/access/bearer.ts';
import { principalOf } from '@kiln/service/access/guard.ts';
import { HttpError } from '@kiln/service/http.ts';
import { registerRoute } from '@kiln/service/register-route.ts';
import { type Appended, appendBuilderLogs } from '@kiln/store/builders/append-logs.ts';
import { logCopy } from '@kiln/store/bus/log-copy.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { FastifyInstance } from 'fastify';
import { isUuid, notFound } from '../http/params.ts';
import { readBatch } from './read-batch.ts';

/** Largest batch in bytes. */
const BODY_LIMIT = 4 * 1024 * 1024;

/** `POST /api/vm-build/task-logs`: what a builder has to say about a task that it holds. */
export function addPostLogsRoute(app: FastifyInstance, { db, bus }: FarmContext): void {
  registerRoute(
    app,
    'POST /api/vm-build/task-logs',
    async (request) => {
      const { task_id: taskId, batch_id: batchId = null } = request.body;
      const token = bearerToken(request.headers.authorization) ?? '';
      const entries = readBatch(request.body, token);
      if (!isUuid(taskId)) throw notFound('task', taskId);
      const jobId = taskId.toLowerCase();
      const builder = principalOf(request).id;
      const appended = await appendBuilderLogs(db, { jobId, builder, batchId, entries });
      if (!('frames' in appended)) throw refusal(appended, taskId, builder);
      if (appended.frames.length > 0) {
        bus.publish(SUBJECTS.log(jobId, appended.attempt), logCopy(appended.frames));
      }
      return { accepted: appended.accepted };
    },
    { bodyLimit: BODY_LIMIT },
  );
}

function refusal(appended: Exclude<Appended, { frames: unknown }>, taskId: string, builder: string): HttpError {
  switch (appended.outcome) {
    case 'unknown':
      return notFound('task', taskId);
    case 'not_held':
      return new HttpError('not_held', `builder ${builder} does not hold task ${taskId}`);
    case 'batch_reused':
      return new HttpError('batch_reused', 'another batch of this task had the same batch_id; give each its own');
    case 'finished':
      return new HttpError('task_finished', `task ${taskId} is ${appended.status}: its log has ended`, {
        from: appended.status,
      });
  }
}

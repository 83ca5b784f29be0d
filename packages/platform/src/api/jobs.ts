import { ApiError, JobAnswer } from '@kiln/protocol/api.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { readJob } from '@kiln/store/reads/jobs.ts';
import type { App } from '../app.ts';
import { IdParams, notFound } from './params.ts';

const tags = ['jobs'];

/** Jobs; their logs are in `logs/`. */
export function addJobRoutes(app: App, { db }: FarmContext): void {
  app.get(
    '/api/jobs/:id',
    { schema: { summary: 'One job', tags, params: IdParams, response: { 200: JobAnswer, 404: ApiError } } },
    async (request) => {
      const job = await readJob(db, request.params.id);
      if (!job) throw notFound('job', request.params.id);
      return job;
    },
  );
}

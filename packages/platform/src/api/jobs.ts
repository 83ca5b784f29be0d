import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { readJob } from '@kiln/store/reads/jobs.ts';
import type { FastifyInstance } from 'fastify';
import { notFound } from '../http/params.ts';

/** Jobs; their logs are in `logs/`. */
export function addJobRoutes(app: FastifyInstance, { db }: FarmContext): void {
  registerRoute(app, 'GET /api/jobs/:id', async (request) => {
    const job = await readJob(db, request.params.id);
    if (!job) throw notFound('job', request.params.id);
    return job;
  });
}

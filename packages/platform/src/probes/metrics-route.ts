import { registerRoute } from '@kiln/service/register-route.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { FastifyInstance } from 'fastify';
import { exposeHosts } from '../hosts/expose.ts';
import { shareRead } from '../http/shared-read.ts';

const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';
/** Scrapes within this of each other share one look at the hosts. */
const KEPT_MS = 1000;

/** `GET /metrics`: the platform's own, then what the heartbeats of the hosts told. Without the database the own ones stay. */
export function addMetricsRoute(app: FastifyInstance, { db, metrics, log }: FarmContext): void {
  const hosts = shareRead(KEPT_MS, async () => {
    try {
      return await exposeHosts(db);
    } catch (error) {
      log.debug({ err: error }, 'the hosts for /metrics can not be read');
      return '';
    }
  });
  registerRoute(app, 'GET /metrics', async (_request, reply) => {
    const [own, told] = await Promise.all([metrics.registry.metrics(), hosts.read()]);
    return await reply.header('content-type', PROMETHEUS_TEXT).send(own + told);
  });
}

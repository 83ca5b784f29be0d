import { RUN_STATUSES } from '@kiln/protocol/states.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { type FarmFigures, readFigures } from '@kiln/store/reads/figures.ts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { shareRead } from '../http/shared-read.ts';

/** One scrape reads the figures once, whatever number of metrics shows them. */
const KEPT_MS = 1000;
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
const SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10];

/** The farm's figures as metrics. While the database can't be asked they are left out; the process's own stay. */
export function addFarmMetrics({ db, metrics, log }: FarmContext): void {
  const shared = shareRead(KEPT_MS, async () => {
    try {
      return await readFigures(db);
    } catch (error) {
      log.debug({ err: error }, 'the figures for /metrics can not be read');
      return null;
    }
  });
  const whenRead = <G extends { reset(): void }>(show: (gauge: G, figures: FarmFigures) => void) => {
    return async (gauge: G): Promise<void> => {
      gauge.reset();
      const figures = await shared.read();
      if (figures) show(gauge, figures);
    };
  };
  metrics.gauge(
    'runs',
    'Runs by status; finished ones of the last 24 hours',
    ['status'],
    whenRead((gauge, { runs }) => {
      for (const status of RUN_STATUSES) gauge.set({ status }, runs.find((row) => row.status === status)?.count ?? 0);
    }),
  );
  metrics.gauge(
    'queue_depth',
    'Jobs that could start now and wait for an agent',
    [],
    whenRead((gauge, figures) => gauge.set(figures.queueDepth)),
  );
  metrics.gauge(
    'failures',
    'Versions whose last build failed: the entries of failures in /status',
    [],
    whenRead((gauge, figures) => gauge.set(figures.failing.reduce((sum, row) => sum + row.count, 0))),
  );
  metrics.gauge(
    'recipe_failing',
    'Versions of a recipe whose last build failed',
    ['recipe'],
    whenRead((gauge, figures) => {
      for (const { recipe, count } of figures.failing) gauge.set({ recipe }, count);
    }),
  );
  metrics.gauge(
    'agents_connected',
    'Agents that an orchestrator holds a socket of',
    [],
    whenRead((gauge, figures) => gauge.set(figures.agentsConnected)),
  );
  metrics.gauge(
    'dead_letters',
    'Events that failed every attempt',
    [],
    whenRead((gauge, figures) => gauge.set(figures.deadLetters)),
  );
}

/** How long requests take, by route (its template, so that no client can make new series) and status. */
export function measureRequests(app: FastifyInstance, { metrics }: FarmContext): void {
  const duration = metrics.histogram('http_request_duration_seconds', 'Time to answer requests', SECONDS, [
    'method',
    'route',
    'status',
  ]);
  app.addHook('onResponse', async (request, reply) => {
    duration.observe(
      { method: methodOf(request), route: routeOf(request), status: `${Math.floor(reply.statusCode / 100)}xx` },
      reply.elapsedTime / 1000,
    );
  });
}

function methodOf(request: FastifyRequest): string {
  return METHODS.has(request.method) ? request.method : 'other';
}

function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'unknown';
}

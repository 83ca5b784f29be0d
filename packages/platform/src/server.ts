import cookie from '@fastify/cookie';
import fastifyStatic from '@fastify/static';
import swagger from '@fastify/swagger';
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import websocket from '@fastify/websocket';
import { routeTemplate } from '@kiln/protocol/route-path.ts';
import { routeDefinition, routesOf } from '@kiln/protocol/routes.ts';
import { createHttp, HttpError } from '@kiln/service/http.ts';
import { refuseAt, requireContract } from '@kiln/service/register-route.ts';
import { endBrokenSocket } from '@kiln/service/socket-error.ts';
import { VERSION } from '@kiln/service/version.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { FastifyInstance } from 'fastify';
import { authenticateCallers } from './access/authenticate.ts';
import { addAccessRoutes, addSignInRoutes } from './access/routes.ts';
import { addEventRoutes } from './api/events.ts';
import { addFarmRoutes } from './api/farm.ts';
import { addJobRoutes } from './api/jobs.ts';
import { addLogRoutes } from './api/logs/routes.ts';
import { addOpenapiRoute, OPENAPI } from './api/openapi.ts';
import { addRecipeRoutes } from './api/recipes.ts';
import { addRunRoutes } from './api/runs.ts';
import type { BuildStreams } from './builder-api/build-streams.ts';
import { addBuilderRoutes, addBuildRoutes } from './builder-api/routes.ts';
import { addReceiver } from './hosts/receive.ts';
import { addHostRoutes } from './hosts/routes.ts';
import { addHostTokenRoutes } from './hosts/token-routes.ts';
import { refuseWhileAway } from './http/database-away.ts';
import { refuseBadText } from './http/params.ts';
import type { LiveServer } from './live/live-server.ts';
import { addLiveRoute } from './live/route.ts';
import { addDashboardRoutes, sendDashboard } from './pages/dashboard.ts';
import { addSecurityHeaders } from './pages/headers.ts';
import { IndexFile } from './pages/index-page.ts';
import { addRepositoryRoutes } from './pages/repositories.ts';
import { addFarmMetrics, measureRequests } from './probes/metrics.ts';
import { addMetricsRoute } from './probes/metrics-route.ts';
import { addReadinessRoute, type Readiness } from './probes/readiness.ts';
import { addStatusRoutes } from './probes/status.ts';
import { addWebhookRoutes } from './webhooks/routes.ts';

/** Largest message of a client of a live socket, in bytes. */
const MAX_LIVE_MESSAGE = 4096;
/** How long a request may take to arrive, in milliseconds: 8 MiB over a line of 1 Mbit/s. */
const REQUEST_LIMIT_MS = 70_000;
/** Where WebSockets are. */
const SOCKETS = routesOf('platform')
  .filter((key) => routeDefinition(key).form === 'websocket')
  .map(routeTemplate);

/** What the routes speak for. */
interface Parts {
  live: LiveServer;
  builds: BuildStreams;
  readiness: Readiness;
  webRoot: string;
}

/** The platform's HTTP server with all of its routes, not listening yet. */
export async function createServer(context: FarmContext, parts: Parts): Promise<FastifyInstance> {
  const { live, readiness, webRoot } = parts;
  const { config, log } = context;
  const { trustProxy, basePath } = config.http;
  const app = createHttp({
    log,
    health: () => ({ service: 'platform', version: VERSION, farm_id: config.farmId }),
    ready: async () => await readiness.check(),
    trustProxy,
    basePath,
    requestTimeoutMs: REQUEST_LIMIT_MS,
  });
  requireContract(app, 'platform');
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  await app.register(cookie);
  await app.register(swagger, OPENAPI);
  await app.register(websocket, {
    options: { maxPayload: MAX_LIVE_MESSAGE, perMessageDeflate: false },
    errorHandler: endBrokenSocket,
    preClose: (done) => {
      live.closeAll();
      done();
    },
  });
  app.addHook('onRequest', async (request) => {
    if (request.ws && !SOCKETS.includes(request.routeOptions.url ?? ''))
      throw new HttpError('no_websocket', `only ${SOCKETS.join(' and ')} speak WebSocket`);
  });
  await app.register(fastifyStatic, {
    root: webRoot,
    serve: false,
    preCompressed: true,
    dotfiles: 'ignore',
    index: false,
  });
  addSecurityHeaders(app);
  measureRequests(app, context);
  addFarmMetrics(context);
  await authenticateCallers(app, context);
  await app.register(async (scope) => addOpenRoutes(scope, context, parts));
  await app.register(async (scope) => {
    refuseWhileAway(scope);
    addWebhookRoutes(scope, context);
  });
  await app.register(async (scope) => addReceiver(scope, context));
  await app.register(async (scope) => addBuilderRoutes(scope, context));
  await app.register(async (scope) => addClosedRoutes(scope, context, parts));
  return app;
}

/** What answers without a credential: probes, sign-in, the dashboard's files, what is published. */
function addOpenRoutes(app: FastifyInstance, context: FarmContext, parts: Parts): void {
  const index = new IndexFile(parts.webRoot, context.config.http.basePath);
  refuseWhileAway(app);
  app.removeContentTypeParser('text/plain');
  addMetricsRoute(app, context);
  addReadinessRoute(app, parts.readiness);
  addStatusRoutes(app, context);
  addSignInRoutes(app, context, async (request, reply) => await sendDashboard(index, request, reply));
  addRepositoryRoutes(app, context.config);
  addDashboardRoutes(app, parts.webRoot, index);
}

/** What needs a credential: all of /api. */
function addClosedRoutes(app: FastifyInstance, context: FarmContext, { live, builds }: Parts): void {
  refuseWhileAway(app);
  app.removeContentTypeParser('text/plain');
  app.addHook('preValidation', async (request) => {
    refuseBadText(request.params, 'the address');
    refuseBadText(request.query, 'the query');
    refuseBadText(request.body, 'the body');
  });
  app.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
  addAccessRoutes(app, context, (credentialId) => live.ended(credentialId));
  addFarmRoutes(app, context);
  addRunRoutes(app, context);
  addJobRoutes(app, context);
  void app.register(async (scope) => addLogRoutes(scope, context));
  addRecipeRoutes(app, context);
  addEventRoutes(app, context);
  addHostRoutes(app, context);
  addHostTokenRoutes(app, context);
  addLiveRoute(app, live);
  addBuildRoutes(app, context, builds);
  addOpenapiRoute(app);
  refuseAt(app, '/api/*', 'account.use', (request) => {
    return new HttpError('not_found', `there is no ${request.method} ${request.url.split('?')[0]?.slice(0, 200)}`);
  });
}

import { randomUUID } from 'node:crypto';
import Fastify, { type FastifyBaseLogger, type FastifyError, type FastifyInstance, LogController } from 'fastify';
import { parseAddress } from './address.ts';
import { answerBrokenRequest, answerError } from './http-answers.ts';
import { HttpError } from './http-error.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import { registerRoute } from './register-route.ts';
import { withLimit } from './with-limit.ts';

export { parseAddress } from './address.ts';
export { HttpError } from './http-error.ts';

export interface Readiness {
  ready: boolean;
  /** Why not, each a machine code or a short sentence. */
  reasons: string[];
}

export interface HttpOptions {
  log: Logger;
  /** Served at /metrics; without it there is no such route. */
  metrics?: Metrics;
  /** More fields for the answer of /health, which says `status: "ok"`. Must not touch anything that can be slow. */
  health: () => object;
  ready: () => Promise<Readiness>;
  /** Largest request body in bytes. Default 1 MiB. */
  bodyLimit?: number;
  /** Whether X-Forwarded-* are believed. Default false. */
  trustProxy?: boolean;
  /** Sub-path that a proxy may leave in the address, such as /kiln. Default none. */
  basePath?: string;
  /** How long a whole request may take to arrive, in milliseconds. Default 0: no limit beside the one for its headers. */
  requestTimeoutMs?: number;
}

const READY_LIMIT_MS = 5000;
/** Characters of one part of an address: the name of a systemd unit has up to 255, and each may be three when escaped. */
const LONGEST_PARAM = 800;
const HEADERS_TIMEOUT_MS = 20_000;
/** How long requests under way may go on after the server began to close. */
const CLOSE_GRACE_MS = 2000;
const PROMETHEUS_TEXT = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * The HTTP server that every tier starts from: /health, /ready and /metrics, errors as `{error:{code,message}}`, ids for
 * requests, and a close that is quick. Garbage from a client is answered with 4xx, and no answer shows a stack trace.
 */
export function createHttp(options: HttpOptions): FastifyInstance {
  // Silent until it listens: who starts the server says so in words of its own, with the address.
  const log: FastifyBaseLogger = options.log.child({}, { level: 'warn' });
  const basePath = options.basePath ?? '';
  const app: FastifyInstance = Fastify({
    loggerInstance: log,
    logController: new QuietRequests({ requestIdLogLabel: 'requestId' }),
    requestIdHeader: false,
    genReqId: () => randomUUID(),
    bodyLimit: options.bodyLimit ?? 1_048_576,
    trustProxy: options.trustProxy ?? false,
    routerOptions: { maxParamLength: LONGEST_PARAM },
    requestTimeout: options.requestTimeoutMs ?? 0,
    forceCloseConnections: 'idle',
    http: { headersTimeout: HEADERS_TIMEOUT_MS },
    clientErrorHandler: answerBrokenRequest,
    frameworkErrors: (error, _request, reply) => answerError(error, reply, options.log),
    rewriteUrl: (request) => withoutBase(request.url ?? '/', basePath),
  });
  app.setErrorHandler<FastifyError>((error, _request, reply) => answerError(error, reply, options.log));
  app.setNotFoundHandler(async (request) => {
    throw new HttpError('not_found', `there is no ${request.method} ${request.url.split('?')[0]}`);
  });
  // Answers are built by hand, to the schemas; writing them needs no second look.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.addHook('onListen', async () => {
    log.level = options.log.level;
  });
  app.addHook('preClose', async () => {
    setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE_MS).unref();
  });
  addProbes(app, options);
  return app;
}

/** Listens on host:port and returns where it really listens: with port 0, the port that the system chose. */
export async function listenOn(app: FastifyInstance, address: string): Promise<string> {
  const { host, port } = parseAddress(address);
  await app.listen({ host, port });
  const [first] = app.addresses();
  const bound = typeof first === 'object' ? first.port : port;
  return `${host.includes(':') ? `[${host}]` : host}:${bound}`;
}

function addProbes(app: FastifyInstance, { metrics, health, ready }: HttpOptions): void {
  registerRoute(app, 'GET /health', async () => ({ status: 'ok', ...health() }));
  registerRoute(app, 'GET /ready', async (_request, reply) => {
    const state = await withLimit(READY_LIMIT_MS, 'no answer', ready).catch(
      (error: unknown): Readiness => ({
        ready: false,
        reasons: [error instanceof Error ? error.message : String(error)],
      }),
    );
    reply.code(state.ready ? 200 : 503);
    return { status: state.ready ? 'ready' : 'not_ready', ...state };
  });
  if (!metrics) return;
  registerRoute(app, 'GET /metrics', async (_request, reply) => {
    return await reply.header('content-type', PROMETHEUS_TEXT).send(await metrics.registry.metrics());
  });
}

/** A request that went as it should is no event of the service log: metrics count them, handlers log what matters. */
class QuietRequests extends LogController {
  override incomingRequest(): void {}
  override requestCompleted(): void {}
  override routeNotFound(): void {}
  override serviceUnavailable(): void {}
}

function withoutBase(url: string, basePath: string): string {
  if (basePath === '' || !url.startsWith(basePath)) return url;
  const rest = url.slice(basePath.length);
  if (rest === '' || rest.startsWith('?')) return `/${rest}`;
  return rest.startsWith('/') ? rest : url;
}

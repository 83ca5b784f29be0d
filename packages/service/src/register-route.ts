import type { WebsocketHandler } from '@fastify/websocket';
import { routeMethod, routeTemplate } from '@kiln/protocol/route-path.ts';
import type { RouteAccess, Tier } from '@kiln/protocol/routes/definition.ts';
import {
  type JsonRouteKey,
  type RouteAnswer,
  type RouteBody,
  type RouteKey,
  type RouteParams,
  type RouteQuery,
  routeDefinition,
  routesOf,
  type SocketRouteKey,
} from '@kiln/protocol/routes.ts';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HttpError } from './http-error.ts';
import { HIDDEN, routeSchema } from './route-schema.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route's key in the contract; null for an address that only refuses. */
    key?: RouteKey | null;
  }
}

/** A request of a route, typed by the contract. */
export type RequestOf<K extends RouteKey> = FastifyRequest<{
  Params: RouteParams<K>;
  Querystring: RouteQuery<K>;
  Body: RouteBody<K>;
}>;

/**
 * What answers a route. Where the answer is JSON it is returned, and goes out with the one status that the contract has for it
 * (or the one that was set with `reply.code`); everything else is sent with `reply`.
 */
export type RouteHandler<K extends RouteKey> = (
  request: RequestOf<K>,
  reply: FastifyReply,
) => Promise<K extends JsonRouteKey ? RouteAnswer<K> : FastifyReply>;

/** What each server registered so far. */
const registered = new WeakMap<object, Set<RouteKey>>();

/** Registers a route of the contract: address, schemas, permission and status are in its definition. */
export function registerRoute<K extends Exclude<RouteKey, SocketRouteKey>>(
  app: FastifyInstance,
  key: K,
  handler: RouteHandler<K>,
  options: { bodyLimit?: number } = {},
): void {
  const [status, ...others] = Object.keys(routeDefinition(key).answers).map(Number);
  app.route<{ Params: RouteParams<K>; Querystring: RouteQuery<K>; Body: RouteBody<K> }>({
    ...optionsOf(app, key),
    ...options,
    handler: async (request, reply) => {
      if (status !== undefined && others.length === 0) reply.code(status);
      return await handler(request, reply);
    },
  });
}

/** Registers a socket of the contract. Who comes without asking for a WebSocket is told so. */
export function registerSocket(app: FastifyInstance, key: SocketRouteKey, accept: WebsocketHandler): void {
  app.route({
    ...optionsOf(app, key),
    handler: async () => {
      throw new HttpError('upgrade_required', 'this address speaks WebSocket', {}, { upgrade: 'websocket' });
    },
    wsHandler: accept,
  });
}

/** Has every request to an address refused that is no route: with what `refuse` returns, after the permission was checked. */
export function refuseAt(
  app: FastifyInstance,
  url: string,
  permission: RouteAccess,
  refuse: (request: FastifyRequest) => HttpError,
  methods: string[] = app.supportedMethods,
): void {
  app.route({
    method: methods,
    url,
    schema: HIDDEN,
    config: { key: null, permission },
    exposeHeadRoute: false,
    handler: async (request) => {
      throw refuse(request);
    },
  });
}

/**
 * Holds a server to the contract: from now on a route can't be registered that is not in it, and the server does not become
 * ready while one of its tier's is missing.
 */
export function requireContract(app: FastifyInstance, tier: Tier): void {
  const own = new Set(routesOf(tier));
  app.addHook('onRoute', ({ config, method, url }) => {
    if (config?.key === null || (config?.key !== undefined && own.has(config.key))) return;
    throw new Error(`${String(method)} ${url} is no route of the ${tier}: describe it in protocol/src/routes`);
  });
  app.addHook('onReady', async () => {
    const missing = [...own].filter((key) => !registered.get(app.server)?.has(key));
    if (missing.length > 0) throw new Error(`the ${tier} has no handler for ${missing.join(', ')}`);
  });
}

function optionsOf(app: FastifyInstance, key: RouteKey) {
  const definition = routeDefinition(key);
  const keys = registered.get(app.server) ?? new Set();
  registered.set(app.server, keys.add(key));
  return {
    method: routeMethod(key),
    url: routeTemplate(key),
    schema: routeSchema(key),
    config: { key, permission: definition.permission },
    exposeHeadRoute: definition.head ?? true,
  };
}

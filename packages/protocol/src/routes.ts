import type { Static, TSchema } from 'typebox';
import type { ErrorCode } from './errors.ts';
import { type Permission, permissionOf, ROLES, SCOPES } from './permissions.ts';
import { ACCESS_ROUTES } from './routes/access.ts';
import { AGENT_ROUTES } from './routes/agents.ts';
import { BUILD_ROUTES } from './routes/builds.ts';
import type { RouteDefinition, Tier } from './routes/definition.ts';
import { EVENT_ROUTES } from './routes/events.ts';
import { FARM_ROUTES } from './routes/farm.ts';
import { HOST_ROUTES } from './routes/hosts.ts';
import { LIVE_ROUTES } from './routes/live.ts';
import { LOG_ROUTES } from './routes/logs.ts';
import { PAGE_ROUTES } from './routes/pages.ts';
import { PROBE_ROUTES } from './routes/probes.ts';
import { RECIPE_ROUTES } from './routes/recipes.ts';
import { RUN_ROUTES } from './routes/runs.ts';
import { WEBHOOK_ROUTES } from './routes/webhooks.ts';

/**
 * Every HTTP route of Kiln, described once. The servers register from it, clients are typed by it, OpenAPI, the reference page
 * and the role matrix are made from it. A client needs the types only: method and path are in the key (`route-path.ts`).
 */
export const ROUTES = {
  ...PROBE_ROUTES,
  ...ACCESS_ROUTES,
  ...FARM_ROUTES,
  ...RUN_ROUTES,
  ...LOG_ROUTES,
  ...RECIPE_ROUTES,
  ...EVENT_ROUTES,
  ...HOST_ROUTES,
  ...BUILD_ROUTES,
  ...LIVE_ROUTES,
  ...WEBHOOK_ROUTES,
  ...AGENT_ROUTES,
  ...PAGE_ROUTES,
};

/** A route by its method and path, such as `GET /api/runs/:id`. */
export type RouteKey = keyof typeof ROUTES;

type Routes = typeof ROUTES;
type StaticOf<T> = T extends TSchema ? Static<T> : undefined;

/** The parameters in the path of a route; undefined where it has none. */
export type RouteParams<K extends RouteKey> = Routes[K] extends { params: infer T } ? StaticOf<T> : undefined;
/** The query of a route; undefined where it takes none. */
export type RouteQuery<K extends RouteKey> = Routes[K] extends { query: infer T } ? StaticOf<T> : undefined;
/** The JSON that a route takes as its body; undefined where it takes none. */
export type RouteBody<K extends RouteKey> = Routes[K] extends { body: infer T } ? StaticOf<T> : undefined;
/** The JSON that a route answers with when all is well; null where it answers without a body. */
export type RouteAnswer<K extends RouteKey> = Routes[K] extends { answers: infer A }
  ? { [S in keyof A]: StaticOf<A[S]> }[keyof A]
  : never;

/** Routes that answer with one JSON value, or with nothing. */
export type JsonRouteKey = { [K in RouteKey]: Routes[K] extends { form: string } ? never : K }[RouteKey];
/** Routes whose answer is bytes or lines that come one by one. */
export type StreamRouteKey = {
  [K in RouteKey]: Routes[K] extends { form: 'bytes' | 'json-lines' } ? K : never;
}[RouteKey];
/** Routes that speak WebSocket. */
export type SocketRouteKey = { [K in RouteKey]: Routes[K] extends { form: 'websocket' } ? K : never }[RouteKey];

/** A part of a request: forbidden where the route has none, optional where all of it is. */
type Part<Name extends string, T> = [T] extends [undefined]
  ? { [N in Name]?: never }
  : Record<never, never> extends T
    ? { [N in Name]?: T }
    : { [N in Name]: T };
type OrUndefined<T> = [T] extends [undefined] ? undefined : { [N in keyof T]: T[N] | undefined };

/** What a client gives for a route: `params`, `query` and `body`, as far as it has them. */
export type RouteRequest<K extends RouteKey> = Part<'params', RouteParams<K>> &
  Part<'query', OrUndefined<RouteQuery<K>>> &
  Part<'body', RouteBody<K>>;

/** The arguments behind the key in a call of a client: none are needed where the whole request is optional. */
export type RouteArguments<K extends RouteKey, More = unknown> =
  Record<never, never> extends RouteRequest<K> ? [request?: RouteRequest<K> & More] : [request: RouteRequest<K> & More];

/** The definition of a route, whichever it is. */
export function routeDefinition(key: RouteKey): RouteDefinition {
  return ROUTES[key];
}

/** The routes that a tier serves. */
export function routesOf(tier: Tier): RouteKey[] {
  return ROUTE_KEYS.filter((key) => (routeDefinition(key).tiers ?? ['platform']).includes(tier));
}

/** Every route, by area. */
export const ROUTE_KEYS = Object.keys(ROUTES).filter((key): key is RouteKey => Object.hasOwn(ROUTES, key));

/**
 * The codes that a route may answer with: its own, and those that go with its permission and its parts. Beside them stands
 * only what has nothing to do with a route: faults of Kiln's (`internal`), and requests that are no HTTP, come too slowly, have
 * too many headers, or ask for a WebSocket where none is.
 */
export function errorCodes(key: RouteKey): ErrorCode[] {
  const route = routeDefinition(key);
  const codes = new Set<ErrorCode>(route.errors);
  if (route.params || route.query || route.body) codes.add('invalid_request');
  if (route.params) codes.add('address_too_long');
  if (route.body) codes.add('bad_request').add('unsupported_media_type');
  if (route.body || route.takes) codes.add('body_too_large').add('incomplete_body');
  if (route.form === 'websocket') codes.add('upgrade_required');
  if (route.permission !== 'public' && (route.tiers ?? ['platform']).includes('platform')) {
    codes.add('database_unavailable');
  }
  if (route.permission === 'public' || route.permission === 'signed') return [...codes];
  codes.add('unauthorized').add('too_many_requests');
  const { permission } = route;
  if (permissionOf(permission).audience === 'people') {
    if (route.params || route.query || route.body) codes.add('invalid_text');
    if (!key.startsWith('GET ') || route.form === 'websocket') codes.add('cross_site');
    const holders: readonly (readonly Permission[])[] = [...Object.values(ROLES), SCOPES.session];
    if (holders.some((scopes) => !scopes.includes(permission))) codes.add('forbidden');
  }
  return [...codes];
}

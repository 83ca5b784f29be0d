import { ApiError } from '@kiln/protocol/api.ts';
import { ERRORS } from '@kiln/protocol/errors.ts';
import { type Audience, permissionOf } from '@kiln/protocol/permissions.ts';
import type { RouteDefinition } from '@kiln/protocol/routes/definition.ts';
import { errorCodes, type RouteKey, routeDefinition } from '@kiln/protocol/routes.ts';
import type { FastifySchema } from 'fastify';
import Type, { type TObject, type TSchema } from 'typebox';

/** Keeps a route out of the API's description. */
export const HIDDEN: FastifySchema & { hide: true } = { hide: true };

/** The names of OpenAPI's security schemes by audience. Absent: what the description has for every route. */
const SECURITY: Readonly<Partial<Record<Audience, string>>> = { builders: 'builder', hosts: 'host' };

/** What the server validates a request of a route with, and what OpenAPI says of it. */
export function routeSchema(key: RouteKey) {
  const route = routeDefinition(key);
  const params = namedParams(route);
  return {
    ...(params && { params }),
    ...(route.query && { querystring: route.query }),
    ...(route.body && { body: route.body }),
    ...(route.listed === false ? HIDDEN : descriptionOf(key, route)),
  };
}

/** The rest of a path (`*`) is any text, and TypeBox takes the names of properties for patterns, which an asterisk is not. */
function namedParams({ params }: RouteDefinition): TObject | undefined {
  if (!params || !Object.hasOwn(params.properties, '*')) return params;
  const { '*': _rest, ...named } = params.properties;
  return Object.keys(named).length === 0 ? undefined : Type.Object(named);
}

function descriptionOf(key: RouteKey, route: RouteDefinition) {
  return {
    summary: route.summary,
    ...(route.description && { description: route.description }),
    tags: [route.tag],
    ...securityOf(route),
    response: { ...answersOf(route), ...errorsOf(key) },
  };
}

function securityOf({ permission }: RouteDefinition): { security?: Record<string, []>[] } {
  if (permission === 'public' || permission === 'signed') return { security: [] };
  const scheme = SECURITY[permissionOf(permission).audience];
  return scheme === undefined ? {} : { security: [{ [scheme]: [] }] };
}

/** A socket answers with messages, which OpenAPI has no words for. */
function answersOf({ answers, form, media = [] }: RouteDefinition): Record<string, object> {
  if (form === undefined) return answers;
  if (form === 'websocket') return {};
  const description = form === 'json-lines' ? 'One message a line' : 'The bytes';
  return Object.fromEntries(
    Object.entries(answers).map(([status, schema]) => [
      status,
      { description, content: Object.fromEntries(media.map((type) => [type, { schema }])) },
    ]),
  );
}

/** The error codes of a route by their status; the description of each answer names them. */
function errorsOf(key: RouteKey): Record<string, TSchema> {
  const byStatus = Map.groupBy(errorCodes(key), (code) => ERRORS[code].status);
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [status, { ...ApiError, description: codes.sort().join(', ') }]),
  );
}

import { describe, expect, expectTypeOf, it } from 'vitest';
import type { RunDetail, StartRun } from './api.ts';
import { ERRORS } from './errors.ts';
import type { LogPageAnswer } from './log-api.ts';
import { AUDIENCES, PERMISSIONS, type Permission, ROLES, SCOPES } from './permissions.ts';
import { routePath } from './route-path.ts';
import {
  errorCodes,
  type JsonRouteKey,
  ROUTE_KEYS,
  type RouteAnswer,
  type RouteArguments,
  type RouteBody,
  routeDefinition,
} from './routes.ts';

describe('the routes', () => {
  it.each(ROUTE_KEYS)('%s says what it needs and may answer', (key) => {
    const route = routeDefinition(key);
    const placeholders = [...key.matchAll(/:(\w+)|\*/g)].map(([all, name]) => name ?? all);
    expect(Object.keys(route.params?.properties ?? {})).toEqual(placeholders);
    expect(route.summary).toMatch(/^[A-Z]/);
    expect(Object.keys(route.answers).length).toBeGreaterThan(0);
    expect(errorCodes(key).filter((code) => !Object.hasOwn(ERRORS, code))).toEqual([]);
    expect(new Set(errorCodes(key)).size).toBe(errorCodes(key).length);
    if (key.startsWith('GET ')) expect([route.body, route.takes]).toEqual([undefined, undefined]);
  });

  it('type a client by their keys', () => {
    expectTypeOf<RouteAnswer<'GET /api/runs/:id'>>().toEqualTypeOf<RunDetail>();
    expectTypeOf<RouteAnswer<'GET /api/jobs/:id/log'>>().toEqualTypeOf<LogPageAnswer>();
    expectTypeOf<RouteAnswer<'DELETE /api/hosts/:host'>>().toEqualTypeOf<null>();
    expectTypeOf<RouteBody<'POST /api/runs'>>().toEqualTypeOf<StartRun>();
    expectTypeOf<'GET /api/runs'>().toExtend<JsonRouteKey>();
    expectTypeOf<'GET /api/live' | 'GET /api/jobs/:id/log.txt'>().not.toExtend<JsonRouteKey>();
  });

  it('ask a client for what they need and for nothing else', () => {
    expectTypeOf<[]>().toExtend<RouteArguments<'GET /api/overview'>>();
    expectTypeOf<[]>().toExtend<RouteArguments<'GET /api/runs'>>();
    expectTypeOf<[{ query: { limit: number; cursor: undefined } }]>().toExtend<RouteArguments<'GET /api/runs'>>();
    expectTypeOf<[]>().not.toExtend<RouteArguments<'GET /api/runs/:id'>>();
    expectTypeOf<[{ params: { id: string } }]>().toExtend<RouteArguments<'GET /api/runs/:id'>>();
    expectTypeOf<[{ params: { name: string } }]>().not.toExtend<RouteArguments<'GET /api/runs/:id'>>();
    expectTypeOf<[{ params: { id: string }; body: object }]>().not.toExtend<
      RouteArguments<'POST /api/runs/:id/cancel'>
    >();
  });
});

describe('the permissions', () => {
  it('are each held by somebody of their audience and by nobody else', () => {
    for (const [permission, { audience }] of Object.entries(PERMISSIONS)) {
      const holders = Object.entries(SCOPES).filter(([, scopes]) => scopes.some((scope) => scope === permission));
      expect([permission, holders.length > 0]).toEqual([permission, true]);
      const kinds: readonly string[] = AUDIENCES[audience];
      expect([permission, holders.filter(([kind]) => !kinds.includes(kind))]).toEqual([permission, []]);
    }
  });

  it('are each needed by a route, or asked about on a socket', () => {
    const needed = new Set<string>(ROUTE_KEYS.map((key) => routeDefinition(key).permission));
    expect(Object.keys(PERMISSIONS).filter((permission) => !needed.has(permission))).toEqual(['tasks.follow-all']);
  });

  it('grow with the role', () => {
    const [viewer, operator, admin]: (readonly Permission[])[] = [ROLES.viewer, ROLES.operator, ROLES.admin];
    expect(operator).toEqual(expect.arrayContaining([...(viewer ?? [])]));
    expect(admin).toEqual(expect.arrayContaining([...(operator ?? [])]));
  });
});

describe('the path of a route', () => {
  it('has its parameters and its query, encoded', () => {
    expect(routePath('GET /api/hosts/:host/units/:unit', { host: 'a/b', unit: 'x@1.service' })).toBe(
      '/api/hosts/a%2Fb/units/x%401.service',
    );
    expect(routePath('GET /api/runs', {}, { limit: 5, cursor: undefined, recipe: 'a b' })).toBe(
      '/api/runs?limit=5&recipe=a+b',
    );
    const artifact = { jobId: 'j', attempt: 1, fence: 2, '*': 'out/a b.deb' };
    expect(routePath('PUT /agents/artifacts/:jobId/:attempt/:fence/*', artifact)).toBe(
      '/agents/artifacts/j/1/2/out/a%20b.deb',
    );
    expect(() => routePath('GET /api/runs/:id')).toThrow('needs the parameter :id');
  });
});

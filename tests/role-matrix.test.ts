import { randomUUID } from 'node:crypto';
import { isAudience, type PrincipalKind, SCOPES } from '@kiln/protocol/permissions.ts';
import { routeMethod, routePath } from '@kiln/protocol/route-path.ts';
import { ROUTE_KEYS, type RouteKey, routeDefinition, routesOf } from '@kiln/protocol/routes.ts';
import { issueCredential, revokeCredential } from '@kiln/store/credentials.ts';
import type { Database } from '@kiln/store/database.ts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../packages/orchestrator/src/agents/testing-gateway.ts';
import { type TestPlatform, testPlatform } from '../packages/platform/src/testing.ts';

/** What a caller meets: not known (401), known but not allowed (403), from a foreign page (403), or let through to the handler. */
type Outcome = 'unauthorized' | 'forbidden' | 'cross_site' | 'allowed';

interface Caller {
  /** What its credential is; null where there is none that counts. */
  kind: PrincipalKind | null;
  /** Whether it shows the cookie of a session from a page that is not of Kiln. */
  foreign?: true;
  headers(sql: Database): Promise<Record<string, string>>;
}

const bearerOf = (kind: PrincipalKind, scheme = 'Bearer'): Caller => ({
  kind,
  headers: async (sql) => ({ authorization: `${scheme} ${await tokenOf(sql, kind)}` }),
});
const sessionFrom = (site: string, ttlMs = 60_000) => ({
  headers: async (sql: Database) => ({
    cookie: `kiln_session=${(await issueCredential(sql, { kind: 'session', subject: 'admin', ttlMs })).token}`,
    'sec-fetch-site': site,
  }),
});

const CALLERS: Record<string, Caller> = {
  nobody: { kind: null, headers: async () => ({}) },
  'a wrong token': { kind: null, headers: async () => ({ authorization: `Bearer ${randomUUID()}` }) },
  'a token that was revoked': {
    kind: null,
    headers: async (sql) => {
      const { credentialId, token } = await issueCredential(sql, { kind: 'admin', subject: 'admin' });
      await revokeCredential(sql, credentialId);
      return { authorization: `Bearer ${token}` };
    },
  },
  'the admin token under another scheme': { ...bearerOf('admin', 'Basic'), kind: null },
  'the admin token': bearerOf('admin'),
  'the admin token, scheme in lower case': bearerOf('admin', 'bearer'),
  'a session': { kind: 'session', ...sessionFrom('same-origin') },
  'a session that ended': { kind: null, ...sessionFrom('same-origin', -1000) },
  'a session, from a foreign page': { kind: 'session', foreign: true, ...sessionFrom('cross-site') },
  'a sign-in link as a token': {
    kind: null,
    headers: async (sql) => ({
      authorization: `Bearer ${(await issueCredential(sql, { kind: 'signin', subject: 'admin' })).token}`,
    }),
  },
  'a builder': bearerOf('builder'),
  'a host': bearerOf('host'),
  'a collector': bearerOf('collector'),
  'a join token': bearerOf('join'),
  'an agent': bearerOf('agent'),
};

let platform: TestPlatform;
let gateway: TestGateway;
/** Everybody comes from an address of their own, or the limit on failures would answer for the rest. */
let address = 0;

beforeAll(async () => {
  platform = await testPlatform({ 'http.trust_proxy': true });
  gateway = await startTestGateway();
});
afterAll(async () => {
  await platform.stop();
  await gateway.stop();
});

describe.each(Object.entries(CALLERS))('%s', (_name, caller) => {
  it('gets at every route of the platform what the table of permissions says', async () => {
    const { db, url } = platform;
    expect(await outcomesOf(routesOf('platform'), caller, { db, url })).toEqual(
      expectedOf(routesOf('platform'), caller),
    );
  });

  it('gets at every route for agents what the table of permissions says', async () => {
    const keys = routesOf('orchestrator').filter((key) => !routesOf('platform').includes(key));
    expect(await outcomesOf(keys, caller, gateway)).toEqual(expectedOf(keys, caller));
  });
});

describe('the table', () => {
  const opens = (kind: PrincipalKind) =>
    ROUTE_KEYS.filter((key) => !isOpen(key) && expectedAt(key, { kind }) === 'allowed').sort();

  it('opens to machines what they are for', () => {
    expect(opens('builder')).toEqual(['POST /api/vm-build/task-logs']);
    expect(opens('host')).toEqual(['POST /v1/metrics']);
    expect(opens('collector')).toEqual(['POST /v1/metrics']);
    expect(opens('join')).toEqual(['POST /agents/enrol']);
    expect(opens('agent')).toEqual(['GET /agents/socket', 'PUT /agents/artifacts/:jobId/:attempt/:fence/*']);
  });

  it('keeps new ways in for the admin token', () => {
    const session = opens('session');
    expect(opens('admin').filter((key) => !session.includes(key))).toEqual([
      'DELETE /api/host-tokens/:id',
      'POST /api/host-tokens',
      'POST /api/sign-in-links',
    ]);
  });

  it('leaves open what is open on purpose', () => {
    expect(ROUTE_KEYS.filter(isOpen).sort()).toEqual([
      'GET /*',
      'GET /api/runtime/readiness',
      'GET /assets/*',
      'GET /health',
      'GET /healthz',
      'GET /metrics',
      'GET /ready',
      'GET /repo',
      'GET /repo/*',
      'GET /sign-in',
      'GET /status',
      'POST /api/sign-in',
      'POST /webhooks/forgejo',
      'POST /webhooks/generic',
      'POST /webhooks/gitea',
      'POST /webhooks/github',
      'POST /webhooks/gitlab',
    ]);
  });
});

describe('a HEAD', () => {
  it('needs what its GET needs', async () => {
    const keys = routesOf('platform').filter((key) => key.startsWith('GET ') && routeDefinition(key).head !== false);
    for (const key of keys) {
      const response = await fetch(platform.url + pathOf(key), { method: 'HEAD', headers: ownAddress() });
      expect([key, response.status === 401]).toEqual([key, !isOpen(key)]);
    }
  });
});

function expectedOf(keys: RouteKey[], caller: Caller): Record<string, Outcome> {
  return Object.fromEntries(keys.map((key) => [key, expectedAt(key, caller)]));
}

function expectedAt(key: RouteKey, { kind, foreign }: Pick<Caller, 'kind' | 'foreign'>): Outcome {
  const { permission } = routeDefinition(key);
  if (permission === 'public' || permission === 'signed') return 'allowed';
  if (kind === null || !isAudience(kind, permission)) return 'unauthorized';
  if (foreign && !key.startsWith('GET ')) return 'cross_site';
  return SCOPES[kind].includes(permission) ? 'allowed' : 'forbidden';
}

async function outcomesOf(
  keys: RouteKey[],
  caller: Caller,
  { db, url }: { db: Database; url: string },
): Promise<Record<string, Outcome>> {
  const outcomes: Record<string, Outcome> = {};
  for (const key of keys) outcomes[key] = await outcomeOf(key, url, await caller.headers(db));
  return outcomes;
}

/** Asks without a body that makes sense, so that nothing comes of it: who gets past the guard is told what is wrong with it. */
async function outcomeOf(key: RouteKey, url: string, headers: Record<string, string>): Promise<Outcome> {
  const response = await fetch(url + pathOf(key), {
    method: routeMethod(key),
    redirect: 'manual',
    headers: { ...ownAddress(), ...headers },
  });
  const text = await response.text();
  expect([key, response.status < 500 || key === 'GET /api/runtime/readiness']).toEqual([key, true]);
  if (response.status !== 401 && response.status !== 403) return 'allowed';
  // OTLP answers in words of its own, which have no code.
  const code: string = JSON.parse(text).error?.code ?? (response.status === 401 ? 'unauthorized' : 'forbidden');
  if (code === 'unauthorized' || code === 'forbidden' || code === 'cross_site') return code;
  expect([key, routeDefinition(key).errors]).toEqual([key, expect.arrayContaining([code])]);
  return 'allowed';
}

function isOpen(key: RouteKey): boolean {
  const { permission } = routeDefinition(key);
  return permission === 'public' || permission === 'signed';
}

function pathOf(key: RouteKey): string {
  const names = [...key.matchAll(/:(\w+)|\*$/g)].map(([all, name]) => name ?? all);
  const sample = (name: string) => (name === 'attempt' || name === 'fence' ? '1' : randomUUID());
  return routePath(key, Object.fromEntries(names.map((name) => [name, sample(name)])));
}

function ownAddress(): Record<string, string> {
  address += 1;
  return { 'x-forwarded-for': `10.${address >> 16}.${(address >> 8) & 255}.${address & 255}` };
}

async function tokenOf(sql: Database, kind: PrincipalKind): Promise<string> {
  return (await issueCredential(sql, { kind, subject: randomUUID() })).token;
}

import { type Principal, type PrincipalKind, SCOPES } from '@kiln/protocol/permissions.ts';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHttp } from '../http.ts';
import { createLogger } from '../log.ts';
import { registerRoute } from '../register-route.ts';
import { noteAudit } from './audit.ts';
import { guardRoutes, principalOf } from './guard.ts';

const lines: Record<string, unknown>[] = [];
const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
const log = createLogger({ level: 'info', format: 'json', service: 'test', instance: 't', destination });

/** Tokens of the test are the names of the kinds that they are for. */
async function find(kinds: readonly PrincipalKind[], token: string): Promise<Principal | null> {
  const kind = kinds.find((known) => known === token);
  return kind ? { kind, id: `the ${kind}`, scopes: SCOPES[kind], credentialId: token } : null;
}

let app: FastifyInstance;
beforeEach(async () => {
  lines.length = 0;
  app = createHttp({ log, health: () => ({}), ready: async () => ({ ready: true, reasons: [] }), trustProxy: true });
  await guardRoutes(app, { log, find, session: ({ headers }) => headers.cookie });
  registerRoute(app, 'POST /api/sign-out', async (request) => {
    noteAudit(request, 'security.operator_logout', { subject: principalOf(request).id });
    return null;
  });
  registerRoute(app, 'POST /api/sign-in-links', async () => ({ url: 'http://farm/sign-in?code=x' }));
  registerRoute(app, 'POST /v1/metrics', async (_request, reply) => await reply.send('taken'));
});
afterEach(async () => await app.close());

const post = async (url: string, headers: Record<string, string> = {}, address = '10.0.0.1') =>
  await app.inject({ method: 'POST', url, headers: { 'x-forwarded-for': address, ...headers } });
const audit = () => lines.filter(({ event }) => typeof event === 'string');

test('what happened is written once, when it is answered, with who did it and from where', async () => {
  expect((await post('/api/sign-out', { authorization: 'bearer admin' }, '10.1.2.3')).statusCode).toBe(204);
  expect(audit()).toMatchObject([
    { event: 'security.operator_logout', subject: 'the admin', by: 'the admin', ip: '10.1.2.3', msg: 'signed out' },
  ]);
});

test('who may not do something is told so, and the audit trail names the permission', async () => {
  const session = { cookie: 'session', 'sec-fetch-site': 'same-origin' };
  const answer = await post('/api/sign-in-links', session);
  expect([answer.statusCode, answer.json()]).toMatchObject([403, { error: { code: 'forbidden' } }]);
  expect(audit()).toMatchObject([
    { event: 'security.permission_denied', permission: 'sign-in-links.create', by: 'the session', level: 'warn' },
  ]);
  expect(JSON.stringify(lines)).not.toContain('"session"');
});

test('a token that opens something else is as good as none', async () => {
  for (const authorization of [
    'Bearer host',
    'Bearer agent',
    'Bearer session',
    'Bearer',
    'Basic admin',
    'Bearer a b',
  ]) {
    const answer = await post('/api/sign-out', { authorization });
    expect([authorization, answer.statusCode]).toEqual([authorization, 401]);
    expect(answer.headers['www-authenticate']).toBe('Bearer realm="kiln"');
  }
});

test('an address with too many wrong tokens has to wait, but a right one is never turned away', async () => {
  for (let wrong = 0; wrong < 120; wrong++) expect((await post('/v1/metrics')).statusCode).toBe(401);
  const refused = await post('/v1/metrics');
  expect([refused.statusCode, refused.json()]).toMatchObject([429, { error: { code: 'too_many_requests' } }]);
  expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
  expect((await post('/v1/metrics', { authorization: 'Bearer host' })).statusCode).toBe(200);
  expect((await post('/v1/metrics', {}, '10.0.0.2')).statusCode).toBe(401);
  // Refusals that only tell to wait are not written: whoever guesses does not fill the log.
  expect(audit()).toHaveLength(121);
});

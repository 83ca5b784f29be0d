import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createHttp, HttpError } from './http.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';
import { refuseAt, registerRoute, requireContract } from './register-route.ts';

const log = createLogger({ level: 'error', format: 'json', service: 'test', instance: 't' });
const probes = { health: () => ({}), ready: async () => ({ ready: true, reasons: [] }) };

let app: FastifyInstance;
beforeEach(() => {
  app = createHttp({ log, ...probes, metrics: createMetrics('kiln_') });
});
afterEach(async () => await app.close());

test('a server that has all routes of its tier becomes ready', async () => {
  requireContract(app, 'agent');
  refuseAt(app, '/nothing', 'public', () => new HttpError('not_found', 'nothing is here'));
  await app.ready();
  expect((await app.inject('/health')).statusCode).toBe(200);
  expect((await app.inject('/nothing')).json()).toEqual({ error: { code: 'not_found', message: 'nothing is here' } });
});

test('a server that lacks one does not, and says which', async () => {
  requireContract(app, 'orchestrator');
  await expect(async () => await app.ready()).rejects.toThrow('the orchestrator has no handler for POST /agents/enrol');
});

test('a route that is not described can not be registered', () => {
  requireContract(app, 'agent');
  expect(() => app.get('/secret', async () => 'x')).toThrow('GET /secret is no route of the agent');
  expect(() => registerRoute(app, 'GET /api/agents', async () => ({ agents: [] }))).toThrow('no route of the agent');
});

test('an answer goes out with the status that the contract has for it', async () => {
  registerRoute(app, 'POST /api/sign-in-links', async () => ({ url: 'http://farm/' }));
  expect(await app.inject({ method: 'POST', url: '/api/sign-in-links' })).toMatchObject({ statusCode: 201 });
});

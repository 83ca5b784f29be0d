import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createHttp, HttpError, type HttpOptions, parseAddress } from './http.ts';
import { createLogger } from './log.ts';
import { createMetrics } from './metrics.ts';

const lines: Record<string, unknown>[] = [];
const destination = { write: (line: string) => void lines.push(JSON.parse(line)) };
const log = createLogger({ level: 'info', format: 'json', service: 'test', instance: 't', destination });

type App = ReturnType<typeof createHttp>;
let app: App;
afterEach(async () => await app.close());

async function listen(options: Partial<HttpOptions> = {}, routes: (app: App) => void = () => {}) {
  lines.length = 0;
  app = createHttp({ log, health: () => ({}), ready: async () => ({ ready: true, reasons: [] }), ...options });
  routes(app);
  const base = await app.listen({ host: '127.0.0.1', port: 0 });
  const get = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(base + path, init);
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  return { base, get, port: Number(new URL(base).port) };
}

/** Sends bytes as they are and gives what comes back until the server closes. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(bytes);
  let text = '';
  for await (const chunk of socket.setEncoding('latin1')) text += chunk;
  return text;
}

test('health answers while ready does not, with its reasons', async () => {
  let state = { ready: false, reasons: ['database_unreachable'] };
  const { get } = await listen({ health: () => ({ version: '1' }), ready: async () => state });
  expect(JSON.parse((await get('/health')).text)).toEqual({ status: 'ok', version: '1' });
  const waiting = await get('/ready');
  expect(waiting.status).toBe(503);
  expect(JSON.parse(waiting.text)).toEqual({ status: 'not_ready', ready: false, reasons: ['database_unreachable'] });
  state = { ready: true, reasons: [] };
  expect(await get('/ready')).toMatchObject({ status: 200 });
});

test('a readiness check that throws is a reason, not a server error', async () => {
  const { get } = await listen({ ready: () => Promise.reject(new Error('no route to the database')) });
  expect(await get('/ready')).toMatchObject({ status: 503, text: expect.stringContaining('no route to the database') });
});

test('metrics are Prometheus text; without a registry there is no such route', async () => {
  const metrics = createMetrics('kiln_');
  const { get } = await listen({ metrics });
  const answer = await get('/metrics');
  expect(answer.type).toMatch(/^text\/plain; version=0\.0\.4/);
  expect(answer.text).toContain('kiln_build_info');
  await app.close();
  expect(await (await listen()).get('/metrics')).toMatchObject({ status: 404 });
});

test('every error is {error:{code,message}} and shows no stack', async () => {
  const { get } = await listen({}, (server) => {
    server.get('/boom', async () => {
      throw new Error('secret detail');
    });
    server.get('/refused', async () => {
      throw new HttpError('illegal_state_change', 'the run is completed', { from: 'completed', to: 'cancelling' });
    });
    server.get(
      '/checked',
      { schema: { querystring: { type: 'object', properties: { n: { type: 'integer' } } } } },
      () => 'x',
    );
  });
  expect(await get('/nowhere?x=1')).toMatchObject({
    status: 404,
    text: '{"error":{"code":"not_found","message":"there is no GET /nowhere"}}',
  });
  const boom = await get('/boom');
  expect(boom.status).toBe(500);
  expect(boom.text).not.toContain('secret');
  const logged = lines.find((line) => line.level === 'error');
  expect(logged).toMatchObject({ error: 'secret detail', stack: expect.any(String) });
  expect(boom.text).toContain(String(logged?.requestId));
  expect(JSON.parse((await get('/refused')).text)).toEqual({
    error: { code: 'illegal_state_change', message: 'the run is completed', from: 'completed', to: 'cancelling' },
  });
  expect(await get('/checked?n=abc')).toMatchObject({ status: 400, text: expect.stringContaining('invalid_request') });
});

test('garbage is answered with 4xx, never 5xx', async () => {
  const { get, port } = await listen({ bodyLimit: 1000 }, (server) => {
    server.post('/body', async (request) => request.body ?? null);
    server.get('/item/:id', async (request) => request.params);
  });
  const post = async (body: string, type: string) =>
    await get('/body', { method: 'POST', body, headers: { 'content-type': type } });
  expect(await post('{"a":', 'application/json')).toMatchObject({ status: 400 });
  expect(await post('{"__proto__":{"x":1}}', 'application/json')).toMatchObject({ status: 400 });
  expect(await post('<a/>', 'application/xml')).toMatchObject({ status: 415 });
  expect(await post('x', ';;;')).toMatchObject({ status: 415 });
  expect(await post(JSON.stringify('x'.repeat(2000)), 'application/json')).toMatchObject({
    status: 413,
    text: expect.stringContaining('"code":"body_too_large"'),
  });
  expect(await get('/item/%zz')).toMatchObject({ status: 400, text: expect.stringContaining('"code":"bad_request"') });
  expect(await get(`/item/${'x'.repeat(5000)}`)).toMatchObject({ status: 414 });
  expect(await get('/health', { method: 'DELETE' })).toMatchObject({ status: 404 });
  expect(await raw(port, 'nonsense\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*"code":"bad_request"/s);
  expect(await raw(port, `GET / HTTP/1.1\r\nHost: x\r\nA: ${'x'.repeat(40_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /);
  expect(await raw(port, 'GET /health HTTP/1.1\r\nConnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  expect(await raw(port, 'GET http://[bad HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 4\d\d /,
  );
  expect(await raw(port, 'BREW / HTTP/1.1\r\nHost: x\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  expect(await raw(port, 'POST /body HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n')).toMatch(
    /^HTTP\/1\.1 4\d\d /,
  );
  expect(lines.filter((line) => line.level === 'error')).toEqual([]);
});

test('a sub-path that the proxy leaves in the address is taken off, and works without it too', async () => {
  const { get } = await listen({ basePath: '/kiln' });
  for (const path of ['/kiln/health', '/health', '/kiln/health?x=1']) {
    expect(await get(path)).toMatchObject({ status: 200 });
  }
  expect(await get('/kilnhealth')).toMatchObject({ status: 404 });
});

test('close is quick: idle connections end at once, a request under way may finish, a hanging one is cut', async () => {
  const arrived = { slow: Promise.withResolvers<void>(), hanging: Promise.withResolvers<void>() };
  const finishSlow = Promise.withResolvers<void>();
  const { base, port } = await listen({}, (server) => {
    server.get('/slow', async () => {
      arrived.slow.resolve();
      await finishSlow.promise;
      return { done: true };
    });
    server.get('/hangs', () => {
      arrived.hanging.resolve();
      return new Promise(() => {});
    });
  });
  const idle = connect(port, '127.0.0.1');
  idle.write('GET /health HTTP/1.1\r\nHost: x\r\n\r\n');
  await once(idle, 'data');
  const idleEnded = once(idle.resume(), 'close');
  const slow = fetch(`${base}/slow`);
  const hangs = fetch(`${base}/hangs`).catch(() => 'cut');
  await Promise.all([arrived.slow.promise, arrived.hanging.promise]);
  const closed = app.close();
  await idleEnded;
  finishSlow.resolve();
  expect(await (await slow).json()).toEqual({ done: true });
  await closed;
  expect(await hangs).toBe('cut');
});

test('addresses to listen on', () => {
  expect(parseAddress('127.0.0.1:10142')).toEqual({ host: '127.0.0.1', port: 10142 });
  expect(parseAddress('[::1]:0')).toEqual({ host: '::1', port: 0 });
  expect(parseAddress('farm.example:80')).toEqual({ host: 'farm.example', port: 80 });
  for (const wrong of ['', '10142', ':10142', 'host', 'host:', 'host:99999', '::1:80', 'http://host:80', 'a b:1']) {
    expect(() => parseAddress(wrong)).toThrow('write host:port');
  }
});

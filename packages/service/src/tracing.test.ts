import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createLogger } from './log.ts';
import { currentTraceparent, inSpan, startTracing, traceparentOf } from './tracing.ts';

const lines: string[] = [];
const log = createLogger({
  level: 'info',
  format: 'json',
  service: 'test',
  instance: 't',
  destination: { write: (line) => void lines.push(line) },
});
let running: { shutdown(): Promise<void> } | null = null;
const start = async (endpoint?: string) => {
  running = await startTracing({ service: 'platform', instance: 'p-1', endpoint: endpoint ?? null, log });
};
afterEach(async () => await running?.shutdown());

test('without an endpoint spans have ids, children stay in the trace and a remote parent is followed', async () => {
  await start();
  expect(currentTraceparent()).toBeNull();
  await inSpan('outer', {}, async (outer) => {
    const [, trace, span] = traceparentOf(outer).split('-');
    expect(traceparentOf(outer)).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
    expect(currentTraceparent()).toBe(traceparentOf(outer));
    await new Promise((resolve) => setImmediate(resolve));
    await inSpan('inner', {}, (inner) => {
      expect(traceparentOf(inner)).toContain(trace);
      expect(traceparentOf(inner)).not.toContain(span);
    });
    await inSpan('apart', { parent: null }, (apart) => expect(traceparentOf(apart)).not.toContain(trace));
  });
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await inSpan('remote', { parent }, (span) => {
    expect(span.spanContext().traceId).toBe('0af7651916cd43dd8448eb211c80319c');
    expect(span.spanContext().spanId).not.toBe('b7ad6b7169203331');
  });
  await inSpan('odd parent', { parent: 'nonsense' }, (span) => expect(span.spanContext().traceId).toHaveLength(32));
});

test('the result comes back and an error is thrown on', async () => {
  await start();
  expect(await inSpan('adds', {}, () => 1 + 1)).toBe(2);
  await expect(inSpan('fails', {}, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
});

test('with an endpoint spans are posted as protobuf to /v1/traces, the last ones at the shutdown', async () => {
  const posts: { url: string; type: string; body: Buffer }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      posts.push({ url: request.url ?? '', type: request.headers['content-type'] ?? '', body: Buffer.concat(chunks) });
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await start(`http://127.0.0.1:${port}/`);
  let id = '';
  await inSpan('webhook received', { attributes: { 'kiln.recipe': 'musl' } }, (span) => {
    id = span.spanContext().traceId;
  });
  await running?.shutdown();
  server.close();
  expect(posts).toHaveLength(1);
  expect(posts[0]).toMatchObject({ url: '/v1/traces', type: 'application/x-protobuf' });
  for (const part of [Buffer.from(id, 'hex'), 'webhook received', 'kiln-platform', 'musl', 'service.instance.id']) {
    expect(posts[0]?.body.includes(part)).toBe(true);
  }
});

test('a receiver that never answers is given up at the shutdown, with a warning', async () => {
  const server = createServer(() => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await start(`http://127.0.0.1:${port}`);
  await inSpan('lost', {}, () => {});
  await running?.shutdown();
  server.closeAllConnections();
  server.close();
  expect(lines.join('')).toMatch(/the last traces (could not be sent|were not taken)|traces could not be sent/);
});

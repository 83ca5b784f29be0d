import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { BEHIND_BYTES, SendQueue } from './send-queue.ts';

let server: Server;
let sockets: WebSocketServer;
beforeAll(async () => {
  server = createServer();
  sockets = new WebSocketServer({ server });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  for (const socket of sockets.clients) socket.terminate();
  server.close();
});

const pair = async (): Promise<[SendQueue, WebSocket]> => {
  const { port } = server.address() as AddressInfo;
  const accepted = new Promise<WebSocket>((resolve) => sockets.once('connection', resolve));
  const reader = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((resolve) => reader.once('open', resolve));
  return [new SendQueue(await accepted), reader];
};

it('lets a reader go that takes nothing, with a code that says so', async () => {
  const [queue, reader] = await pair();
  reader.pause();
  const closed = new Promise((resolve) => reader.once('close', resolve));
  while (!queue.behind) queue.frame(Buffer.alloc(1_000_000));
  await new Promise((resolve) => setTimeout(resolve, 100));
  queue.heartbeat(Date.now() + 29_000);
  expect(queue.open).toBe(true);
  queue.heartbeat(Date.now() + 31_000);
  expect(queue.open).toBe(false);
  reader.resume();
  expect(await closed).toBe(4408);
});

it('keeps hints for a reader that is behind, each once, and gives them when it has caught up', async () => {
  const [queue, reader] = await pair();
  const heard: string[] = [];
  reader.on('message', (data: Buffer, isBinary: boolean) => {
    if (!isBinary) heard.push(JSON.parse(data.toString()).id);
  });
  reader.pause();
  while (!queue.behind) queue.frame(Buffer.alloc(1_000_000));
  for (const id of ['a', 'b', 'a', 'a']) queue.hint(id, { type: 'changed', topic: 'run', id });
  reader.resume();
  await queue.drained();
  await expect.poll(() => heard).toEqual(['a', 'b']);
  expect(queue.behind).toBe(false);
  expect(BEHIND_BYTES).toBe(8 * 1024 * 1024);
});

it('does not wait for a reader that is gone', async () => {
  const [queue, reader] = await pair();
  reader.pause();
  while (!queue.behind) queue.frame(Buffer.alloc(1_000_000));
  setTimeout(() => reader.terminate(), 20);
  await queue.drained();
  expect(queue.open).toBe(false);
});

it('lets a reader go that no longer answers', async () => {
  const [queue, reader] = await pair();
  queue.heartbeat(Date.now() + 31_000);
  await new Promise((resolve) => reader.once('ping', resolve));
  reader.pause();
  queue.heartbeat(Date.now() + 120_000);
  await expect.poll(() => queue.open).toBe(false);
});

it('is never silent for longer than proxies allow', async () => {
  const [queue, reader] = await pair();
  let pings = 0;
  reader.on('ping', () => {
    pings += 1;
  });
  const begin = Date.now();
  for (let second = 1; second <= 90; second++) queue.heartbeat(begin + second * 1000);
  await expect.poll(() => pings).toBe(3);
  reader.terminate();
});

it('sends many texts in their order, as messages of their own', async () => {
  const [queue, reader] = await pair();
  const heard: string[] = [];
  reader.on('message', (data: Buffer, isBinary: boolean) => void heard.push(`${isBinary} ${data}`));
  queue.texts(['a', 'é', 'c'].map((text) => Buffer.from(text)));
  queue.text('d');
  await expect.poll(() => heard).toEqual(['false a', 'false é', 'false c', 'false d']);
  reader.terminate();
});

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { BEHIND_BYTES, Outlet } from './outlet.ts';

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

const pair = async (): Promise<[Outlet, WebSocket]> => {
  const { port } = server.address() as AddressInfo;
  const accepted = new Promise<WebSocket>((resolve) => sockets.once('connection', resolve));
  const reader = new WebSocket(`ws://127.0.0.1:${port}`);
  await new Promise((resolve) => reader.once('open', resolve));
  return [new Outlet(await accepted), reader];
};

it('lets a reader go that takes nothing, with a code that says so', async () => {
  const [outlet, reader] = await pair();
  reader.pause();
  const closed = new Promise((resolve) => reader.once('close', resolve));
  while (!outlet.behind) outlet.frame(Buffer.alloc(1_000_000));
  await new Promise((resolve) => setTimeout(resolve, 100));
  outlet.tend(Date.now() + 29_000);
  expect(outlet.open).toBe(true);
  outlet.tend(Date.now() + 31_000);
  expect(outlet.open).toBe(false);
  reader.resume();
  expect(await closed).toBe(4408);
});

it('keeps hints for a reader that is behind, each once, and gives them when it has caught up', async () => {
  const [outlet, reader] = await pair();
  const heard: string[] = [];
  reader.on('message', (data: Buffer, isBinary: boolean) => {
    if (!isBinary) heard.push(JSON.parse(data.toString()).id);
  });
  reader.pause();
  while (!outlet.behind) outlet.frame(Buffer.alloc(1_000_000));
  for (const id of ['a', 'b', 'a', 'a']) outlet.hint(id, { type: 'changed', topic: 'run', id });
  reader.resume();
  await outlet.drained();
  await expect.poll(() => heard).toEqual(['a', 'b']);
  expect(outlet.behind).toBe(false);
  expect(BEHIND_BYTES).toBe(8 * 1024 * 1024);
});

it('does not wait for a reader that is gone', async () => {
  const [outlet, reader] = await pair();
  reader.pause();
  while (!outlet.behind) outlet.frame(Buffer.alloc(1_000_000));
  setTimeout(() => reader.terminate(), 20);
  await outlet.drained();
  expect(outlet.open).toBe(false);
});

it('lets a reader go that no longer answers', async () => {
  const [outlet, reader] = await pair();
  outlet.tend(Date.now() + 31_000);
  await new Promise((resolve) => reader.once('ping', resolve));
  reader.pause();
  outlet.tend(Date.now() + 120_000);
  await expect.poll(() => outlet.open).toBe(false);
});

it('is never silent for longer than proxies allow', async () => {
  const [outlet, reader] = await pair();
  let pings = 0;
  reader.on('ping', () => {
    pings += 1;
  });
  const begin = Date.now();
  for (let second = 1; second <= 90; second++) outlet.tend(begin + second * 1000);
  await expect.poll(() => pings).toBe(3);
  reader.terminate();
});

it('sends many texts in their order, as messages of their own', async () => {
  const [outlet, reader] = await pair();
  const heard: string[] = [];
  reader.on('message', (data: Buffer, isBinary: boolean) => void heard.push(`${isBinary} ${data}`));
  outlet.texts(['a', 'é', 'c'].map((text) => Buffer.from(text)));
  outlet.text('d');
  await expect.poll(() => heard).toEqual(['false a', 'false é', 'false c', 'false d']);
  reader.terminate();
});

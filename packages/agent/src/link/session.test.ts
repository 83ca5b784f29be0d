import { createHash } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import type { OrchestratorMessage } from '@kiln/protocol/agent-messages.ts';
import { expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { helloOf } from '../hello.ts';
import type { ServiceLog } from '../service-log.ts';
import { Session } from './session.ts';

const quick = { lookMs: 50, silenceMs: 1000 };
const hello = () => helloOf({ name: 'a', slots: 1, labels: [] }, [], []);

function recordingLog(): ServiceLog & { lines: string[] } {
  const lines: string[] = [];
  const add = (_fields: unknown, message: string) => void lines.push(message);
  return { lines, debug: add, info: add, warn: add, error: add };
}

async function serve(onSocket: (socket: WebSocket) => void): Promise<{ url: URL; close: () => void }> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  server.on('connection', onSocket);
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: new URL(`ws://127.0.0.1:${port}/agents/socket`), close: () => server.close() };
}

const welcome = JSON.stringify({ type: 'welcome', agentId: 'a', orchestrator: 'o', adopted: [], stop: [] });

test('garbage of any kind is passed over with a warning, and what follows is still heard', async () => {
  const garbage = [
    '',
    'x',
    '{}',
    '[1]',
    'null',
    '{"type":"dance"}',
    '{"type":"log.ack"}',
    '{"type":"job.dispatch","jobId":1}',
    '\ud800',
    '['.repeat(5000),
  ];
  const heard: OrchestratorMessage[] = [];
  const server = await serve((socket) => {
    socket.send(welcome);
    for (const message of garbage) socket.send(message);
    socket.send(Buffer.from([1, 2, 3]));
    socket.send(
      JSON.stringify({ type: 'job.stop', jobId: '00000000-0000-4000-8000-000000000000', attempt: 1, fence: 1 }),
    );
    socket.send(
      JSON.stringify({
        type: 'job.cancel',
        jobId: '00000000-0000-4000-8000-000000000000',
        attempt: 1,
        fence: 1,
        reason: 'x',
      }),
    );
  });
  const log = recordingLog();
  const session = new Session(
    server.url,
    'token',
    {
      hello,
      welcomed: () => {},
      message: (message) => {
        heard.push(message);
        if (message.type === 'job.stop') throw new Error('a handler that fails');
        session.terminate();
      },
    },
    log,
  );
  await session.ended;
  expect(heard.map(({ type }) => type)).toEqual(['job.stop', 'job.cancel']);
  expect(log.lines.filter((line) => line.includes('not understood')).length).toBe(garbage.length + 1);
  expect(log.lines).toContain('message of the orchestrator could not be obeyed');
  server.close();
});

test('nothing is sent before the welcome, and after it everything', async () => {
  const seen: string[] = [];
  const server = await serve((socket) => {
    socket.on('message', (data, isBinary) => {
      seen.push(isBinary ? 'frame' : JSON.parse(String(data)).type);
      if (seen.length === 1) socket.send(welcome);
      if (seen.length === 3) socket.close(1001, 'bye');
    });
  });
  const session = new Session(
    server.url,
    'token',
    {
      hello,
      welcomed: () => {
        expect(session.send({ type: 'agent.log', line: {} })).toBe(true);
        expect(session.sendFrame(Buffer.from('frame'))).toBe(true);
      },
      message: () => {},
    },
    recordingLog(),
  );
  expect(session.send({ type: 'agent.log', line: {} })).toBe(false);
  expect(await session.ended).toEqual({ refused: 0, code: 1001, reason: 'bye', wasWelcomed: true });
  expect(seen).toEqual(['hello', 'agent.log', 'frame']);
  expect(session.sendFrame(Buffer.from('frame'))).toBe(false);
  server.close();
});

test('a refusal is told by its status', async () => {
  const server = createServer((socket) => socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const session = new Session(
    new URL(`ws://127.0.0.1:${port}/`),
    't',
    { hello, welcomed: () => {}, message: () => {} },
    recordingLog(),
  );
  expect(await session.ended).toMatchObject({ refused: 401, wasWelcomed: false });
  server.close();
});

test('an orchestrator that falls silent without closing is noticed, one that answers pings is kept', async () => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => {
    sockets.push(socket);
    socket.once('data', (head) => {
      const key = /Sec-WebSocket-Key: (\S+)/i.exec(String(head))?.[1];
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  const handlers = { hello, welcomed: () => {}, message: () => {} };
  let pings = 0;
  const lively = await serve((socket) => {
    socket.on('ping', () => void pings++);
    socket.send(welcome);
  });
  const kept = new Session(lively.url, 't', handlers, recordingLog(), quick);
  const lost = new Session(new URL(`ws://127.0.0.1:${port}/`), 't', handlers, recordingLog(), quick);
  expect((await lost.ended).code).toBe(1006);
  for (const socket of sockets) socket.destroy();
  silent.close();

  // More pings than the silence has room for: without answers it would have been given up by now.
  await expect.poll(() => pings, { timeout: 25_000 }).toBeGreaterThan(1.5 * (quick.silenceMs / quick.lookMs));
  expect(kept.isWelcomed).toBe(true);
  kept.terminate();
  lively.close();
});

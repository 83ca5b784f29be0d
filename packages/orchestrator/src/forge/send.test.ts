import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { send } from './send.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

let folder: string;
let tokenFile: string;
let api: string;
let handle: Handler;
const arrived: string[] = [];
const server = createServer((request, response) => {
  arrived.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''}`);
  request.resume().on('end', () => handle(request, response));
});

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-send-'));
  tokenFile = join(folder, 'token');
  await new Promise<void>((done) => void server.listen(0, '127.0.0.1', done));
  const address = server.address();
  api = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});
beforeEach(async () => {
  arrived.length = 0;
  await writeFile(tokenFile, 'geheim\n');
});

const call = async (timeoutMs = 60_000) => {
  const { signal } = new AbortController();
  const forge = { kind: 'github', url: api, api, sshHost: null, tokenFile, report: 'status' } as const;
  return await send(forge, { method: 'POST', path: '/repos/a/b', body: { n: 1 } }, { signal, timeoutMs });
};

test('a renamed repository is followed on the same host, with the method and the token', async () => {
  handle = (request, response) =>
    request.url === '/repos/a/b'
      ? response.writeHead(307, { location: '/repositories/7' }).end()
      : response.writeHead(201).end('{}');
  expect(await call()).toEqual({ outcome: 'told', remoteId: null });
  expect(arrived).toEqual(['POST /repos/a/b Bearer geheim', 'POST /repositories/7 Bearer geheim']);
});

test('no redirect takes the token elsewhere, or round and round', async () => {
  handle = (_request, response) => response.writeHead(307, { location: api.replace('127.0.0.1', 'localhost') }).end();
  expect(await call()).toMatchObject({ outcome: 'refused', status: 307 });
  expect(arrived).toHaveLength(1);
  handle = (_request, response) => response.writeHead(308, { location: '/again' }).end();
  expect(await call()).toMatchObject({ outcome: 'refused', status: 308 });
  expect(arrived).toHaveLength(3);
});

test('what the forge echoes is masked, and an endless answer is not read to its end', async () => {
  handle = (_request, response) => response.writeHead(422).end('{"message":"what is geheim?"}');
  expect(await call()).toMatchObject({ error: 'answered 422: what is ***?' });
  handle = (_request, response) => {
    response.writeHead(201);
    const more = setInterval(() => response.write('x'.repeat(65_536)), 1);
    response.on('close', () => clearInterval(more));
  };
  expect(await call()).toMatchObject({ outcome: 'told' });
});

test('a connection that breaks, none at all, and no answer', async () => {
  handle = (_request, response) => response.destroy();
  expect(await call()).toMatchObject({ outcome: 'down', error: expect.stringContaining('fetch failed: ') });
  handle = () => {};
  expect(await call(500)).toMatchObject({ outcome: 'down', error: 'gave no answer within 0.5 s' });
  const here = api;
  // Nobody else gets the port of this server, and it does not listen on this address.
  api = here.replace('127.0.0.1', '127.0.0.2');
  expect(await call()).toMatchObject({ outcome: 'down', error: expect.stringContaining('ECONNREFUSED') });
  api = here;
});

test('a token file that is missing, empty or no token stops the call, with its name and without its content', async () => {
  await rm(tokenFile);
  expect(await call()).toMatchObject({ outcome: 'down', error: expect.stringContaining(tokenFile) });
  await writeFile(tokenFile, '\n');
  expect(await call()).toMatchObject({ error: `the token file is empty: ${tokenFile}` });
  await writeFile(tokenFile, 'geheim\ngeheimer\n');
  expect(await call()).toMatchObject({ error: `the token file has more than one word in it: ${tokenFile}` });
  expect(arrived).toEqual([]);
});

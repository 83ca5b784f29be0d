import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { WebSocketServer } from 'ws';
import { answer } from './api.ts';
import { FixtureFarm } from './farm.ts';
import { LiveSession } from './live.ts';

/** The token that the fixture takes. */
export const TOKEN = 'fixture-token';
const COOKIE = 'kiln_session=fixture';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** What the platform sends with the dashboard, so that a page which needs more is found out here. */
const POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'";

export interface Fixture {
  /** Address of the dashboard, with a slash at the end. */
  url: string;
  farm: FixtureFarm;
  /** Cuts every live socket and refuses new ones and every request, or lets them in again. */
  away(away: boolean): void;
  /** Ends every session. */
  forget(): void;
  close(): Promise<void>;
}

/**
 * Serves a built dashboard and an acted farm behind it, on loopback. `auth` asks for the token; `basePath` (such as
 * `/kiln`) serves everything below a path, as a reverse proxy would.
 */
export async function startFixture(options: {
  dist: string;
  kind?: 'full' | 'empty';
  auth?: boolean;
  basePath?: string;
  port?: number;
}): Promise<Fixture> {
  const farm = new FixtureFarm(options.kind ?? 'full');
  const base = options.basePath ?? '';
  let isAway = false;
  let sessions = 1;
  const sockets = new WebSocketServer({ noServer: true });
  const signedIn = (request: IncomingMessage) =>
    options.auth !== true || (request.headers.cookie ?? '').includes(`${COOKIE}${sessions}`);

  const server = createServer((request, response) => {
    void handle(request, response).catch((error: unknown) => {
      send(response, 500, 'application/json', JSON.stringify({ error: { code: 'fixture', message: String(error) } }));
    });
  });

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fixture');
    if (isAway || !url.pathname.startsWith(base)) return void request.socket.destroy();
    const path = url.pathname.slice(base.length);
    response.setHeader('content-security-policy', POLICY);
    if (!path.startsWith('/api/')) return await sendFile(response, path);
    const body = await readBody(request);
    if (path === '/api/sign-in') return signIn(response, body);
    if (path === '/api/sign-out') {
      sessions += 1;
      return send(response, 204, 'application/json', '');
    }
    if (!signedIn(request)) {
      return send(
        response,
        401,
        'application/json',
        JSON.stringify({ error: { code: 'unauthorized', message: 'sign in' } }),
      );
    }
    const { status, type, text } = answer(farm, request.method ?? 'GET', path, url.searchParams, body);
    send(response, status, type, text);
  }

  function signIn(response: ServerResponse, body: unknown): void {
    const right = typeof body === 'object' && body !== null && 'token' in body && body.token === TOKEN;
    const cookie = `${COOKIE}${sessions}; Path=${base || '/'}; HttpOnly; SameSite=Lax`;
    if (right) response.setHeader('set-cookie', cookie);
    const error = { code: 'wrong_token', message: 'this is not the admin token' };
    send(response, right ? 200 : 401, 'application/json', JSON.stringify(right ? { subject: 'admin' } : { error }));
  }

  async function sendFile(response: ServerResponse, path: string): Promise<void> {
    const isFile = Object.hasOwn(TYPES, extname(path)) && !path.includes('..');
    const file = join(options.dist, isFile ? path : 'index.html');
    let data: Buffer = await readFile(file);
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    if (!isFile) data = Buffer.from(data.toString().replace('<head>', `<head><base href="${base}/" />`));
    response.setHeader('content-type', type);
    if (type.includes('font')) return void response.end(data);
    response.setHeader('content-encoding', 'gzip');
    response.end(gzipSync(data));
  }

  server.on('upgrade', (request, socket, head) => {
    if (isAway || request.url !== `${base}/api/live`) return void socket.destroy();
    if (!signedIn(request)) return void socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n');
    sockets.handleUpgrade(request, socket, head, (client) => new LiveSession(farm, client));
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the fixture listens on no port');
  const cut = (code: number) => {
    for (const client of sockets.clients) client.close(code);
  };
  return {
    url: `http://127.0.0.1:${address.port}${base}/`,
    farm,
    away: (away) => {
      isAway = away;
      if (away) for (const client of sockets.clients) client.terminate();
    },
    forget: () => {
      sessions += 1;
      cut(4401);
    },
    close: async () => {
      for (const client of sockets.clients) client.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function send(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': type });
  response.end(text);
}

async function readBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const text = Buffer.concat(parts).toString();
  return text === '' ? null : JSON.parse(text);
}

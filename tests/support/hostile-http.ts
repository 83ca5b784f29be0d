import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { nastyBody, nastyPart, type Schema } from './hostile-values.ts';
import type { Random } from './random.ts';

/** A route to be attacked. `path` has its parameters in braces. */
export interface Target {
  method: string;
  path: string;
  query: string[];
  body: Schema | null;
}

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content?: Record<string, { schema?: Schema }> };
}

/** Every route that an OpenAPI document has. */
export function targetsOf(document: { paths: Record<string, Record<string, Operation>> }): Target[] {
  return Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters = [], requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      query: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
      body: Object.values(requestBody?.content ?? {})[0]?.schema ?? null,
    })),
  );
}

/** What was asked and what came back; `status` 0 where the connection was closed instead. */
export interface Outcome {
  asked: string;
  status: number;
  body: string;
}

const LIMIT_MS = 15_000;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];

/** Asks for one route in a way that it does not expect. `ids` are some that exist. */
export async function attack(
  base: string,
  token: string,
  target: Target,
  ids: string[],
  random: Random,
): Promise<Outcome> {
  const path = target.path.replaceAll(/\{\w+\}/g, () =>
    random.next() < 0.5 && ids.length > 0 ? random.pick(ids) : nastyPart(random),
  );
  const query = target.query
    .filter(() => random.next() < 0.4)
    .map((name) => `${name}=${random.next() < 0.3 ? random.between(-2, 2) : nastyPart(random)}`);
  if (random.next() < 0.1) query.push(random.pick(['__proto__[x]=1', 'a=1&a=2', '&&==&', `q=${'z'.repeat(6000)}`]));
  const method = random.next() < 0.1 ? random.pick(METHODS) : target.method;
  const carries = target.body !== null || method === 'POST' || random.next() < 0.1;
  const { body, type } = carries ? nastyBody(target.body, random) : { body: Buffer.alloc(0), type: null };
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (body.length > 0) headers['content-length'] = String(body.length);
  if (type !== null) headers['content-type'] = type;
  if (random.next() < 0.1)
    headers.authorization = random.pick(['Bearer ', 'Basic eDp5', `Bearer ${'x'.repeat(9000)}`, 'é']);
  if (random.next() < 0.1)
    headers.cookie = random.pick(['kiln_session=%00', `kiln_session=${'x'.repeat(5000)}`, '=;=;=']);
  if (random.next() < 0.1) headers['accept-encoding'] = random.pick(['zstd;q=NaN', 'gzip;q=-1,*;q=9e99', ',,,', '\t']);
  if (random.next() < 0.05) headers['content-encoding'] = random.pick(['gzip', 'br', 'zstd']);
  const address = path + (query.length > 0 ? `?${query.join('&')}` : '');
  const asked = `${method} ${address.slice(0, 200)} ${type?.slice(0, 60) ?? ''} ${body.subarray(0, 120).toString('latin1')}`;
  return { asked, ...(await ask(base, { method, path: address, headers, body })) };
}

async function ask(
  base: string,
  { method, path, headers, body }: { method: string; path: string; headers: Record<string, string>; body: Buffer },
): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(base);
  return await new Promise((done, fail) => {
    const sent = request({ hostname, port, method, path, headers, agent, timeout: LIMIT_MS }, (response) => {
      let text = '';
      response.setEncoding('latin1').on('data', (part: string) => {
        text = (text + part).slice(0, 20_000);
      });
      response.on('end', () => done({ status: response.statusCode ?? 0, body: text }));
      response.on('error', () => done({ status: response.statusCode ?? 0, body: text }));
    });
    sent.on('timeout', () =>
      sent.destroy(new Error(`no answer within ${LIMIT_MS} ms to ${method} ${path.slice(0, 200)}`)),
    );
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // A server may close on a body that it does not want to read to its end.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') done({ status: 0, body: '' });
      else if (error.code?.startsWith('HPE_'))
        fail(
          new Error(
            `${error.message}: ${method} ${path.slice(0, 200)} ${headers['content-type']} ${body.length} ${body.subarray(0, 40)}`,
          ),
        );
      else fail(error);
    });
    sent.end(body);
  });
}

/** Sends bytes that no HTTP client sends and returns what comes back until the server closes, or for `waitMs`. */
export async function sayBytes(
  base: string,
  bytes: Uint8Array | string,
  waitMs: number,
  ends = false,
): Promise<string> {
  const { hostname, port } = new URL(base);
  return await new Promise((done) => {
    let text = '';
    const socket = connect(Number(port), hostname, () => (ends ? socket.end(bytes) : socket.write(bytes)));
    const timer = setTimeout(() => socket.destroy(), waitMs);
    socket.setEncoding('latin1').on('data', (part: string) => {
      text = (text + part).slice(0, 100_000);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      done(text);
    });
  });
}

/** Requests that are no HTTP, that lie about their length or their end, or that are too large. */
export function brokenRequests(path: string, token: string, random: Random): (string | Buffer)[] {
  const head = (line: string, ...more: string[]) =>
    `${line}\r\n${['Host: x', `Authorization: Bearer ${token}`, ...more].join('\r\n')}\r\n\r\n`;
  const post = (...more: string[]) => head(`POST ${path} HTTP/1.1`, 'Content-Type: application/json', ...more);
  return [
    random.bytes(400),
    '\0'.repeat(5000),
    'GET\r\n\r\n',
    `GET ${path} HTTP/9.9\r\n\r\n`,
    `${'G'.repeat(20_000)} / HTTP/1.1\r\n\r\n`,
    head(`GET /${'a'.repeat(30_000)} HTTP/1.1`),
    head(`GET ${path} HTTP/1.1`, `X-Large: ${'x'.repeat(40_000)}`),
    head(`GET ${path} HTTP/1.1`, ...Array.from({ length: 3000 }, (_, n) => `X-${n}: 1`)),
    head(`GET ${path} HTTP/1.1`, 'X-Nul: a\0b'),
    head(`GET http://elsewhere.example/../../etc/passwd HTTP/1.1`),
    head('GET /../../../../etc/passwd HTTP/1.1'),
    head('GET //etc/passwd HTTP/1.1'),
    head('CONNECT elsewhere.example:443 HTTP/1.1'),
    `${post('Content-Length: 500')}{"recipe":`,
    `${post('Content-Length: 5', 'Content-Length: 6')}{}{}{}`,
    `${post('Content-Length: 5', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    `${post('Transfer-Encoding: chunked')}zz\r\n`,
    `${post('Transfer-Encoding: chunked')}ffffffffffffffff\r\n{}`,
    post('Content-Length: -1'),
    post('Content-Length: 99999999999999999999'),
    post('Expect: 100-continue', 'Content-Length: 10'),
    head(`GET ${path} HTTP/1.1`, 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 99'),
    head(
      `GET ${path} HTTP/1.1`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: x',
    ),
    head(`GET ${path} HTTP/1.1`, 'Connection: Upgrade', 'Upgrade: h2c'),
  ];
}

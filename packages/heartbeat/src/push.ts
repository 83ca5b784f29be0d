import type { request as httpRequest } from 'node:http';
import { fs } from './builtin.ts';
import { HeartbeatError } from './systemctl.ts';

/** How long a receiver may take, in all. */
const LIMIT_MS = 5000;
const DEFAULT_PATH = '/v1/metrics';
const ANSWER_LIMIT = 2000;

/** Where to send, with the secrets that go with it. */
export interface Receiver {
  url: URL;
  headers: Record<string, string>;
}

/**
 * Makes a receiver of its address and of the file with what it wants to know: a bearer token, or whole header lines.
 *
 * @throws {HeartbeatError} when one of them is of no use
 */
export function receiverOf(endpoint: string, tokenFile: string | undefined): Receiver {
  const url = URL.parse(endpoint);
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw new HeartbeatError(
      `"${endpoint}" is no address; an endpoint is such as http://metrics.example.com:8428/v1/metrics`,
    );
  if (url.username || url.password)
    throw new HeartbeatError('the endpoint has a password in it; put it into a file and name that with --token-file');
  if (url.pathname === '/') url.pathname = DEFAULT_PATH;
  return { url, headers: tokenFile ? headersFrom(tokenFile) : {} };
}

function headersFrom(file: string): Record<string, string> {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8').trim();
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? error.code : error;
    throw new HeartbeatError(`the token could not be read from ${file} (${reason})`);
  }
  const headers: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const [, name, value] = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line) ?? [];
    if (name && value) headers[name] = value;
    else if (/^[\x21-\x7e]+$/.test(line)) headers.authorization = `Bearer ${line}`;
    else throw new HeartbeatError(`${file} holds neither a token nor header lines such as "Authorization: Basic …"`);
  }
  return headers;
}

/**
 * Loads what sending needs. The function that it returns sends one OTLP request and throws {@link HeartbeatError} when that was not
 * taken. Nothing is lost by that, since what is counted is sent as totals.
 */
export function loadPush(receiver: Receiver): (body: Uint8Array) => Promise<void> {
  // Not imported, for the reason in builtin.ts: one of its exports loads the whole of fetch, which takes as long as all the rest.
  const { request } = process.getBuiltinModule(receiver.url.protocol === 'https:' ? 'node:https' : 'node:http');
  return async (body) => await push(request, receiver, body);
}

async function push(request: typeof httpRequest, { url, headers }: Receiver, body: Uint8Array): Promise<void> {
  const place = `${url.origin}${url.pathname}`;
  const { status, text } = await new Promise<{ status: number; text: string }>((resolve, reject) => {
    const options = {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf', 'content-length': body.length, ...headers },
      agent: false,
    };
    const call = request(url, options, (answer) => {
      let text = '';
      answer.on('data', (data: Buffer) => {
        text = (text + data.toString('utf8')).slice(0, ANSWER_LIMIT);
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      answer.on('error', reject);
    });
    const late = setTimeout(() => call.destroy(new Error(`no answer within ${LIMIT_MS / 1000} s`)), LIMIT_MS);
    call.on('close', () => clearTimeout(late));
    call.on('error', reject);
    call.end(body);
  }).catch((error) => {
    const cause = error instanceof AggregateError ? error.errors.at(-1) : error;
    throw new HeartbeatError(`${place} could not be reached: ${cause?.message ?? cause}; the next tick sends again`);
  });
  if (status >= 200 && status < 300) return;
  const remedy = status === 401 || status === 403 ? '; name a file with a token by --token-file' : '';
  const said = text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, 200);
  throw new HeartbeatError(`${place} answered ${status}${said ? `: ${said}` : ''}${remedy}`);
}

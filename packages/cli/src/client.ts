import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CliError } from './errors.ts';
import { dataDirectory } from './farm/location.ts';
import { readReadyFile } from './farm/ready-file.ts';
import { LiveConnection } from './live/connection.ts';

export interface ClientOptions {
  /** Data directory of a farm on this machine. */
  data?: string | undefined;
  /** Base address of a farm anywhere, with its sub-path. Default: KILN_URL, else what the data directory says. */
  url?: string | undefined;
  /** Admin token. Default: KILN_TOKEN, else the one in the data directory. */
  token?: string | undefined;
}

/** How long an answer may take, in milliseconds. */
const TIMEOUT_MS = 30_000;

/** An error that the farm answered with. */
export class ApiFailure extends CliError {
  override name = 'ApiFailure';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Talks to the API of a running farm. */
export class Client {
  readonly url: string;
  readonly #token: string;

  constructor(url: string, token: string) {
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
  }

  /** `path` begins with /, such as `/api/runs`; undefined values of the query are left out. Throws ApiFailure, or CliError when nobody answers. */
  async get<T>(path: string, query: Record<string, string | number | undefined> = {}): Promise<T> {
    return await this.#ask<T>('GET', path + queryText(query));
  }

  /** The text of an answer of any size, in pieces as they come; give up reading to end it. Throws as `get` does. */
  async *stream(path: string, query: Record<string, string | number | undefined> = {}): AsyncGenerator<string> {
    const response = await fetch(this.url + path + queryText(query), {
      headers: { authorization: `Bearer ${this.#token}` },
    }).catch((error: unknown) => {
      throw new CliError(`no answer from ${this.url}: ${reasonOf(error)}`);
    });
    if (!response.ok) throw failureOf(response.status, await response.text());
    try {
      for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) yield piece;
    } catch (error) {
      throw new CliError(`the answer of ${this.url} ended in the middle: ${reasonOf(error)}`);
    }
  }

  async post<T>(path: string, body: object = {}): Promise<T> {
    return await this.#ask<T>('POST', path, body);
  }

  async delete<T>(path: string): Promise<T> {
    return await this.#ask<T>('DELETE', path);
  }

  /** Opens the live socket. The caller closes it. */
  async live(): Promise<LiveConnection> {
    return await LiveConnection.open(`${this.url.replace(/^http/, 'ws')}/api/live`, this.#token);
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((error: unknown) => {
      throw new CliError(`no answer from ${this.url}: ${reasonOf(error)}`);
    });
    const text = await response.text();
    if (!response.ok) throw failureOf(response.status, text);
    return text === '' ? JSON.parse('null') : JSON.parse(text);
  }
}

function queryText(query: Record<string, string | number | undefined>): string {
  const filled = Object.entries(query).flatMap(([key, value]) => (value === undefined ? [] : [[key, String(value)]]));
  return filled.length > 0 ? `?${new URLSearchParams(filled)}` : '';
}

/** Finds the farm and the token: what is given, else KILN_URL and KILN_TOKEN, else the data directory. */
export async function createClient(options: ClientOptions = {}): Promise<Client> {
  const dataDir = dataDirectory(options.data);
  const url = options.url ?? process.env.KILN_URL ?? (await localAddress(dataDir));
  const token = options.token ?? process.env.KILN_TOKEN ?? (await localToken(dataDir));
  if (!/^https?:\/\//.test(url))
    throw new CliError(`"${url}" is not an address of a farm; write http://host:port or https://…`, 2);
  return new Client(url, token);
}

async function localAddress(dataDir: string): Promise<string> {
  const ready = await readReadyFile(dataDir);
  if (!ready) {
    throw new CliError(`no Kiln runs on ${dataDir}; start it with: npm start (or name another with --data or --url)`);
  }
  if (!ready.http) throw new CliError(`the Kiln on ${dataDir} has no API: http.addr is not set in its configuration`);
  return ready.http;
}

async function localToken(dataDir: string): Promise<string> {
  const path = join(dataDir, 'admin-token');
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'EACCES' ? 'may not be read' : 'is not there';
    throw new CliError(`the admin token ${path} ${reason}; set KILN_TOKEN`);
  }
}

function failureOf(status: number, text: string): ApiFailure {
  try {
    const { error } = JSON.parse(text);
    if (typeof error?.message === 'string') return new ApiFailure(status, String(error.code), error.message);
  } catch {
    // Not from Kiln: a proxy in between, most likely.
  }
  return new ApiFailure(status, 'unknown', `the server answered ${status}: ${text.slice(0, 200)}`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `nothing came within ${TIMEOUT_MS / 1000} s`;
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') return 'nothing listens there';
  return cause instanceof Error ? cause.message || error.message : error.message;
}

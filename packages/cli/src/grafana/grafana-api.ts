import { readFile } from 'node:fs/promises';
import { CliError, messageOf } from '../errors.ts';

/** How long an answer may take, in milliseconds. */
const TIMEOUT_MS = 15_000;

/** What Grafana answered. `body` is null where it was no JSON object. */
interface Answer {
  status: number;
  body: Record<string, unknown> | null;
}

/** Where a dashboard was put. */
export interface Imported {
  title: string;
  /** Address for a browser. */
  url: string;
  /** How often it was saved. */
  version: number;
}

/** Talks to the HTTP API of a Grafana. Every error names what to do. */
export class GrafanaApi {
  readonly url: string;
  readonly #token: string;

  /** `url`: its address, with its sub-path if it has one. `token`: of a service account with the role Editor. */
  constructor(url: string, token: string) {
    this.url = url.replace(/\/+$/, '');
    this.#token = token;
  }

  /** Makes a folder, unless there is one with this uid. */
  async ensureFolder(uid: string, title: string): Promise<void> {
    const { status, body } = await this.#post('/api/folders', { uid, title });
    // 409: there is a folder with this uid, or, before Grafana 11, with this title. 412: the same in older ones.
    if (status === 200 || status === 409 || status === 412) return;
    throw this.#refused(status, body, `make the folder "${title}"`);
  }

  /** Puts a dashboard into a folder, over the one with the same uid. */
  async putDashboard(dashboard: { uid: string; title: string }, folderUid: string): Promise<Imported> {
    const request = { dashboard, folderUid, overwrite: true, message: 'kiln grafana import' };
    const { status, body } = await this.#post('/api/dashboards/db', request);
    if (status === 200 && body && typeof body.url === 'string') {
      return { title: dashboard.title, url: new URL(body.url, this.url).href, version: Number(body.version) };
    }
    if ((status === 400 || status === 404) && /folder/i.test(String(body?.message))) {
      throw new CliError(
        `Grafana has no folder with the uid "${folderUid}", but perhaps one with the same title; give that one's uid with --folder (Grafana says: ${body?.message})`,
      );
    }
    throw this.#refused(status, body, `save the dashboard "${dashboard.title}"`);
  }

  async #post(path: string, request: object): Promise<Answer> {
    const response = await fetch(this.url + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${this.#token}`,
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: JSON.stringify(request),
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((error: unknown) => {
      throw new CliError(`no answer from Grafana at ${this.url}: ${reasonOf(error)}`);
    });
    return { status: response.status, body: objectOf(await response.text()) };
  }

  #refused(status: number, body: Answer['body'], what: string): CliError {
    const said = typeof body?.message === 'string' ? ` (Grafana says: ${body.message.slice(0, 300)})` : '';
    if (status === 401)
      return new CliError(`Grafana does not know the token; make a new one for a service account${said}`);
    if (status === 403)
      return new CliError(`the token may not ${what}; give its service account the role Editor${said}`);
    if (body === null) {
      return new CliError(
        `what answers at ${this.url} is not Grafana's API: status ${status}; is its sub-path missing, or is it http instead of https?`,
      );
    }
    return new CliError(`Grafana would not ${what}: status ${status}${said}`);
  }
}

/** Reads a token from a file that has nothing else in it. */
export async function readToken(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new CliError(`the token file can't be read: ${messageOf(error)}`);
  });
  const token = text.trim();
  if (token === '') throw new CliError(`the token file is empty: ${file}`);
  if (!/^[\x21-\x7e]+$/.test(token)) throw new CliError(`the token file has more than one word in it: ${file}`);
  return token;
}

function objectOf(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : null;
  } catch {
    // A page of a proxy, or of another program: the caller says so.
    return null;
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `nothing came within ${TIMEOUT_MS / 1000} s`;
  const { cause } = error;
  if (cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED') return 'nothing listens there';
  return cause instanceof Error ? cause.message || error.message : error.message;
}

import { readFile } from 'node:fs/promises';
import type { ResolvedConfig } from '@kiln/service/config.ts';
import { HttpError } from '@kiln/service/http.ts';

const LIMIT_MS = 10_000;
/** An answer that is larger was not asked for. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A series of a store: its labels, and seconds since the epoch with values. */
export interface StoreSeries {
  labels: Record<string, string>;
  points: [seconds: number, value: number][];
}

/** The metrics store of the configuration, asked by the query API of Prometheus. Throws HttpError 502 where it fails. */
export class MetricsStore {
  readonly #url: string;
  readonly #tokenFile: string | null;

  constructor(url: string, tokenFile: string | null) {
    this.#url = url;
    this.#tokenFile = tokenFile;
  }

  /** The store that is configured, or null. */
  static of({ metrics }: Pick<ResolvedConfig, 'metrics'>): MetricsStore | null {
    return metrics.url === null ? null : new MetricsStore(metrics.url, metrics.tokenFile);
  }

  /** The values of an expression at one moment. */
  async instant(query: string, at: Date): Promise<StoreSeries[]> {
    return await this.#ask('query', { query, time: String(at.getTime() / 1000) });
  }

  /** The values of an expression between two moments, `stepSeconds` apart. */
  async range(query: string, from: Date, to: Date, stepSeconds: number): Promise<StoreSeries[]> {
    const [start, end] = [from, to].map((time) => String(time.getTime() / 1000));
    return await this.#ask('query_range', { query, start: start ?? '', end: end ?? '', step: String(stepSeconds) });
  }

  async #ask(what: string, parameters: Record<string, string>): Promise<StoreSeries[]> {
    const headers = await this.#headers();
    const address = `${this.#url}/api/v1/${what}?${new URLSearchParams(parameters)}`;
    const signal = AbortSignal.timeout(LIMIT_MS);
    const response = await fetch(address, { headers, signal, redirect: 'error' }).catch((error: unknown) => {
      throw this.#failure(reasonOf(error));
    });
    const body = await this.#read(response);
    const series = response.ok ? seriesOf(body) : null;
    if (series === null) throw this.#failure(`it answered ${response.status}: ${messageOf(body)}`);
    return series;
  }

  async #headers(): Promise<Record<string, string>> {
    if (this.#tokenFile === null) return {};
    const token = await readFile(this.#tokenFile, 'utf8').catch((error: unknown) => {
      throw this.#failure(`metrics.token_file can't be read: ${reasonOf(error)}`);
    });
    return { authorization: `Bearer ${token.trim()}` };
  }

  async #read(response: Response): Promise<unknown> {
    const parts: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const part of response.body ?? []) {
        size += part.length;
        if (size > MOST_BYTES) throw new Error(`its answer is larger than ${MOST_BYTES} bytes`);
        parts.push(part);
      }
    } catch (error) {
      throw this.#failure(reasonOf(error));
    }
    const text = Buffer.concat(parts).toString('utf8');
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }

  #failure(reason: string): HttpError {
    return new HttpError('metrics_store_failed', `the metrics store ${this.#url} does not help: ${reason}`);
  }
}

/** A label's value as PromQL wants it. Names of units may have backslashes. */
export function quotedLabel(value: string): string {
  return `"${value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n')}"`;
}

function seriesOf(body: unknown): StoreSeries[] | null {
  const data = isMapping(body) && body.status === 'success' && isMapping(body.data) ? body.data : null;
  if (data === null || !Array.isArray(data.result)) return null;
  return data.result.filter(isMapping).map(({ metric, value, values }) => ({
    labels: isMapping(metric)
      ? Object.fromEntries(Object.entries(metric).map(([key, label]) => [key, String(label)]))
      : {},
    points: (Array.isArray(values) ? values : [value]).flatMap((pair: unknown): [number, number][] =>
      Array.isArray(pair) ? [[Number(pair[0]), Number(pair[1])]] : [],
    ),
  }));
}

function messageOf(body: unknown): string {
  const text = isMapping(body) && typeof body.error === 'string' ? body.error : typeof body === 'string' ? body : '';
  return text.slice(0, 200).trim() || 'no reason given';
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `nothing came within ${LIMIT_MS / 1000} s`;
  const { cause } = error;
  return cause instanceof Error ? cause.message || ('code' in cause ? String(cause.code) : cause.name) : error.message;
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { backoffMs } from '@kiln/service/backoff.ts';
import type { BucketPlace, S3Access } from '@kiln/service/config-blobs.ts';
import { AwsV4Signer } from 'aws4fetch';
import { refusal, S3Error, unreachable } from './s3-error.ts';
import { readS3Keys } from './s3-keys.ts';

/** One request to a bucket. */
export interface S3Request {
  method: 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';
  /** The whole key; `''` is the bucket itself. */
  key: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
  body?: Uint8Array<ArrayBuffer>;
  /** Ends the request and its answer. */
  signal?: AbortSignal;
}

/** How patient a client is, in milliseconds. */
export interface S3Timing {
  /** How long one try may take, up to the end of the answer; for a body that streams: to its beginning, and to each piece. */
  limitMs: number;
  /** The pause before the second try; it doubles. */
  backoffMs: number;
  tries: number;
}

/** A part of 8 MiB takes this long over 140 KB/s; all tries together stay below five minutes. */
export const S3_TIMING: S3Timing = { limitMs: 60_000, backoffMs: 200, tries: 5 };
const LONGEST_BACKOFF_MS = 5_000;

/**
 * Signed requests to one bucket of any S3 service, with a time limit each, tried again when the service is overloaded or away.
 *
 * The signature is by aws4fetch, a single file without dependencies. The SDK of Amazon does the same, and much that Kiln
 * does not need. Of the small whole clients, s3-lite-client 1.0 has no time limit for a request and leaves a broken upload
 * behind, it and s3mini 1.0 do not try again, and minio 8.0 brings 13 packages.
 */
export class S3Client {
  readonly bucket: string;
  readonly timing: S3Timing;
  readonly #access: S3Access;
  readonly #base: string;

  constructor(access: S3Access, bucket: BucketPlace, timing = S3_TIMING) {
    this.#access = access;
    this.bucket = bucket.name;
    this.timing = timing;
    const service = new URL(access.endpoint ?? `https://s3.${access.region}.amazonaws.com`);
    if (access.pathStyle) service.pathname = `${service.pathname.replace(/\/$/, '')}/${bucket.name}`;
    else service.host = `${bucket.name}.${service.host}`;
    this.#base = service.href.replace(/\/$/, '');
  }

  /** The bucket and its service, for people. */
  describe(): string {
    return `the bucket ${this.bucket} at ${this.#access.endpoint ?? `Amazon S3 (${this.#access.region})`}`;
  }

  /** The whole answer as text. Throws S3Error on any that is not 2xx, after the tries. */
  async text(request: S3Request): Promise<{ headers: Headers; text: string }> {
    return await this.#retry(request, async () => {
      const signal = within(this.timing.limitMs, request.signal);
      const response = await this.#once({ ...request, signal });
      const text = await response.text().catch((cause: unknown) => {
        throw unreachable(this.#what(request), cause);
      });
      return { headers: response.headers, text };
    });
  }

  /** The answer with its body still to come, for which `request.signal` counts. Throws like `text`. */
  async open(request: S3Request): Promise<Response> {
    return await this.#retry(request, async () => {
      // The limit is for the beginning only; the body has one for each piece, by who reads it.
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(tooLate(this.timing.limitMs)), this.timing.limitMs);
      try {
        const signal = request.signal ? AbortSignal.any([late.signal, request.signal]) : late.signal;
        return await this.#once({ ...request, signal });
      } finally {
        clearTimeout(timer);
      }
    });
  }

  /** The pause before the next try, in milliseconds: doubling, with jitter, so that many do not return together. */
  async pause(failures: number): Promise<void> {
    await sleep(backoffMs(failures, { firstMs: this.timing.backoffMs, capMs: LONGEST_BACKOFF_MS }));
  }

  async #retry<T>(request: S3Request, work: () => Promise<T>): Promise<T> {
    for (let tried = 1; ; tried++) {
      try {
        return await work();
      } catch (error) {
        if (tried >= this.timing.tries || !isPassing(error) || request.signal?.aborted) throw error;
        await this.pause(tried);
      }
    }
  }

  async #once(request: S3Request & { signal: AbortSignal }): Promise<Response> {
    const { method, key, query = {}, headers = {}, body, signal } = request;
    const url = new URL(key === '' ? this.#base : `${this.#base}/${encodeKey(key)}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    // Services do not agree on what a bare + in a query means.
    url.search = url.search.replaceAll('+', '%20');
    const signed = await new AwsV4Signer({
      ...(await readS3Keys(this.#access)),
      method,
      url: url.href,
      // The service checks the bytes against it, so that what is damaged on the way is refused.
      headers: {
        ...headers,
        'x-amz-content-sha256': createHash('sha256')
          .update(body ?? '')
          .digest('hex'),
      },
      service: 's3',
      region: this.#access.region,
    }).sign();
    // Else a service or a proxy may compress, and offsets would be of something else. For ranges, fetch says so itself.
    if (!signed.headers.has('range')) signed.headers.set('accept-encoding', 'identity');
    const response = await fetch(signed.url, {
      method,
      headers: signed.headers,
      signal,
      redirect: 'manual',
      ...(body ? { body } : {}),
    }).catch((cause: unknown) => {
      throw unreachable(this.#what(request), cause);
    });
    if (response.ok) return response;
    throw refusal(this.#what(request), response.status, await response.text().catch(() => ''));
  }

  #what({ method, key }: S3Request): string {
    return `${this.describe()} did not do ${method}${key ? ` of ${key}` : ''}`;
  }
}

/** Whether the same request may work a moment later. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof S3Error)) return false;
  return error.status === null || error.status >= 500 || error.status === 429 || error.code === 'RequestTimeout';
}

/** The error of a limit that ran out. */
export function tooLate(limitMs: number): Error {
  return new Error(`nothing within ${limitMs} ms`);
}

function within(limitMs: number, signal: AbortSignal | undefined): AbortSignal {
  const limit = AbortSignal.timeout(limitMs);
  return signal ? AbortSignal.any([limit, signal]) : limit;
}

/** A key as every service and signature expect it in a path. A bare `+` would be read as a space. */
function encodeKey(key: string): string {
  const encode = (part: string): string =>
    encodeURIComponent(part).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
  return key.split('/').map(encode).join('/');
}

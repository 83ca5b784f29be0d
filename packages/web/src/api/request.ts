import type { ApiError } from '@kiln/protocol/api.ts';
import { farmUrl } from './base.ts';
import { noteFarmTime } from './clock.ts';

/** An answer that was not a success, or no answer at all (`status` 0). */
export class ApiFailure extends Error {
  override name = 'ApiFailure';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

function isApiError(body: unknown): body is ApiError {
  if (typeof body !== 'object' || body === null || !('error' in body)) return false;
  const { error } = body;
  return typeof error === 'object' && error !== null && 'message' in error && typeof error.message === 'string';
}

/** What an answer that is no success says went wrong. */
export async function failureOf(response: Response): Promise<ApiFailure> {
  const body: unknown = await response.json().catch(() => null);
  if (isApiError(body)) return new ApiFailure(response.status, body.error.code, body.error.message);
  return new ApiFailure(response.status, 'http', `The farm answered ${response.status} ${response.statusText}`.trim());
}

/**
 * Asks the farm. `path` is without a leading slash. Gives the JSON of the answer, null when it has no body.
 * Throws ApiFailure, or an AbortError when `signal` fires.
 */
export async function request<T>(
  path: string,
  options: { method?: string; body?: unknown; signal?: AbortSignal | undefined } = {},
): Promise<T> {
  const init: RequestInit = { method: options.method ?? 'GET', credentials: 'same-origin' };
  if (options.signal) init.signal = options.signal;
  init.headers = { accept: 'application/json' };
  if (options.body !== undefined) {
    init.headers['content-type'] = 'application/json';
    init.body = JSON.stringify(options.body);
  }
  let response: Response;
  try {
    response = await fetch(farmUrl(path), init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiFailure(0, 'unreachable', 'The farm cannot be reached. Is the platform running?');
  }
  noteFarmTime(response.headers.get('date'));
  if (!response.ok) throw await failureOf(response);
  const text = await response.text();
  return (text === '' ? null : JSON.parse(text)) as T;
}

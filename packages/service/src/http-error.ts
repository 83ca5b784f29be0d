/**
 * An answer that is not a success, thrown by a handler: the client gets `{error:{code,message,...detail}}` with the
 * status. `code` is for programs (snake_case), `message` for people.
 */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly statusCode: number;
  readonly code: string;
  readonly detail: Record<string, unknown>;

  constructor(statusCode: number, code: string, message: string, detail: Record<string, unknown> = {}) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
    this.detail = detail;
  }
}

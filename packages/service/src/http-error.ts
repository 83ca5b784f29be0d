import { ERRORS, type ErrorCode } from '@kiln/protocol/errors.ts';

/**
 * An answer that is not a success, thrown by a handler: the client gets `{error:{code,message,...detail}}` with the status
 * that the code has in `protocol/errors.ts`. `code` is for programs, `message` for people.
 */
export class HttpError extends Error {
  override name = 'HttpError';
  readonly statusCode: number;
  readonly code: ErrorCode;
  /** More keys of the error. */
  readonly detail: Readonly<Record<string, unknown>>;
  /** Headers that go with it, such as `retry-after`. */
  readonly headers: Readonly<Record<string, string | number>>;

  constructor(
    code: ErrorCode,
    message: string,
    detail: Readonly<Record<string, unknown>> = {},
    headers: Readonly<Record<string, string | number>> = {},
  ) {
    super(message);
    this.statusCode = ERRORS[code].status;
    this.code = code;
    this.detail = detail;
    this.headers = headers;
  }
}

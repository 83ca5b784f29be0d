import type { Socket } from 'node:net';
import type { ErrorCode } from '@kiln/protocol/errors.ts';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { HttpError } from './http-error.ts';
import type { Logger } from './log.ts';

/** Answers what a handler threw, or what fastify refused: 4xx with its reason, anything else 500 with a log line. */
export function answerError(error: FastifyError | Error, reply: FastifyReply, log: Logger): FastifyReply {
  if (error instanceof HttpError) {
    const { statusCode, code, message, detail, headers } = error;
    if (statusCode >= 500) log.error({ err: error, requestId: reply.request.id }, 'a request failed');
    return reply
      .code(statusCode)
      .headers(headers)
      .send({ error: { code, message, ...detail } });
  }
  if (isCutShort(error, reply.request)) {
    return answerError(new HttpError('incomplete_body', 'the body ended early'), reply, log);
  }
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  if (status >= 400 && status < 500) {
    const code = 'validation' in error && error.validation ? 'invalid_request' : codeOf(status);
    return reply.code(status).send({ error: { code, message: error.message } });
  }
  log.error(
    { err: error, requestId: reply.request.id, method: reply.request.method, route: reply.request.routeOptions.url },
    'a request failed',
  );
  const message = `Kiln failed to answer; its log has the cause under requestId ${reply.request.id}`;
  return reply.code(500).send({ error: { code: 'internal', message } });
}

/** Whether an error means that the client went away in the middle of its request. */
export function isCutShort(error: Error, { raw }: Pick<FastifyRequest, 'raw'>): boolean {
  return !raw.complete && 'code' in error && error.code === 'ECONNRESET';
}

/** What the framework refuses by itself has a status and no code. */
const CODES: Readonly<Record<number, ErrorCode>> = {
  400: 'bad_request',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'body_too_large',
  414: 'address_too_long',
  415: 'unsupported_media_type',
};

function codeOf(status: number): ErrorCode {
  return CODES[status] ?? 'bad_request';
}

/** Answers bytes that Node could not read as HTTP, on the bare socket. */
export function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, code, message] =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? ['431 Request Header Fields Too Large', 'headers_too_large', 'the headers of the request are too large']
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? ['408 Request Timeout', 'request_timeout', 'the request took too long to arrive']
        : ['400 Bad Request', 'bad_request', 'the request is not HTTP'];
  const body = JSON.stringify({ error: { code, message } });
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

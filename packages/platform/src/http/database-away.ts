import { HttpError } from '@kiln/service/http.ts';
import { isCutShort } from '@kiln/service/http-answers.ts';
import type { FastifyInstance } from 'fastify';

/** What a database client says when the database can't be reached, is starting, stopping or full. */
const AWAY = /^(CONNECTION_|CONNECT_TIMEOUT$|ECONN|EPIPE$|ENOENT$|ENOTFOUND$|EAI_AGAIN$|ETIMEDOUT$|EHOST|08|57P0|53)/;

/** When to ask again, in seconds. */
const RETRY_AFTER = 5;

/** Whether an error means that the database is away, not that the question was wrong. */
export function isDatabaseAway(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && AWAY.test(error.code);
}

/** Makes a database that is away an honest answer: 503, try again. Nothing was accepted. */
export function refuseWhileAway(app: FastifyInstance): void {
  app.setErrorHandler<Error>((error, request) => {
    if (!isDatabaseAway(error) || isCutShort(error, request)) throw error;
    const message = `the database does not answer; nothing was changed: ${error.message}`;
    throw new HttpError('database_unavailable', message, {}, { 'retry-after': RETRY_AFTER });
  });
}

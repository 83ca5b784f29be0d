import { HttpError } from '@kiln/service/http.ts';
import { isCutShort } from '@kiln/service/http-answers.ts';
import type { App } from './app.ts';

/** What a database client says when the database can't be reached, is starting, stopping or full. */
const AWAY = /^(CONNECTION_|CONNECT_TIMEOUT$|ECONN|EPIPE$|ENOENT$|ENOTFOUND$|EAI_AGAIN$|ETIMEDOUT$|EHOST|08|57P0|53)/;

/** Whether an error means that the database is away, not that the question was wrong. */
export function isDatabaseAway(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && AWAY.test(error.code);
}

/** Makes a database that is away an honest answer: 503, try again. Nothing was accepted. */
export function refuseWhileAway(app: App): void {
  app.setErrorHandler<Error>((error, request, reply) => {
    if (!isDatabaseAway(error) || isCutShort(error, request)) throw error;
    reply.header('retry-after', 5);
    throw new HttpError(
      503,
      'database_unavailable',
      `the database does not answer; nothing was changed: ${error.message}`,
    );
  });
}

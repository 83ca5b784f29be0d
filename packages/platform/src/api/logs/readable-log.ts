import { HttpError } from '@kiln/service/http.ts';
import { LogExpired, type LogStanding, type LogStore } from '@kiln/store/logs/log-store.ts';
import { notFound } from '../../http/params.ts';

/** How a log stands that can be read. Throws 404 when there is none, 410 when its time is over. */
export async function readableLog(logs: LogStore, jobId: string, attempt: number | undefined): Promise<LogStanding> {
  const standing = await logs.standing(jobId, attempt ?? null);
  if (!standing) throw notFound(attempt === undefined ? 'log yet of job' : `attempt ${attempt} of job`, jobId);
  if (standing.kept === 'expired') throw expired(new LogExpired(standing.expiredAt ?? new Date(0)));
  return standing;
}

/** The answer about a log whose time is over: 410 with when it was removed. */
export function expired({ message, expiredAt }: LogExpired): HttpError {
  return new HttpError('log_expired', message, { expiredAt: expiredAt.toISOString() });
}

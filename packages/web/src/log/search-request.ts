import type { LogSearchMessage } from '@kiln/protocol/log-api.ts';
import { requestLines } from '../api/request-lines.ts';
import type { LogQuery } from './log-search.ts';

/** The most hits that the farm sends at once. */
const MOST_HITS = 10_000;

/** The part of an address that narrows a log to the lines of a query's conditions. */
export function conditionsOf({ level, component, phase }: LogQuery): URLSearchParams {
  const query = new URLSearchParams();
  if (level) query.set('level', level);
  if (component) query.set('component', component);
  if (phase !== undefined) query.set('phase', phase);
  return query;
}

/** Asks the farm for the lines of a log that a query finds, from a line on. Throws ApiFailure when it refuses. */
export function searchLog(
  { jobId, attempt }: { jobId: string; attempt: number },
  query: LogQuery,
  from: number,
  signal: AbortSignal,
): AsyncIterable<LogSearchMessage> {
  const params = conditionsOf(query);
  params.set('attempt', String(attempt));
  params.set('from', String(from));
  params.set('limit', String(MOST_HITS));
  // Every line has a beginning.
  params.set('q', query.text === '' ? '^' : query.text);
  params.set('mode', query.regex || query.text === '' ? 'regex' : 'text');
  params.set('case', query.matchCase ? 'match' : 'ignore');
  return requestLines<LogSearchMessage>(`api/jobs/${jobId}/log/search?${params}`, signal);
}

import type { LogFilterQuery } from '@kiln/protocol/log-api.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { HttpError } from '@kiln/service/http.ts';
import type { Database } from '@kiln/store/database.ts';
import type { LogStanding } from '@kiln/store/logs/log-store.ts';
import { readPhaseNames } from '@kiln/store/reads/phases.ts';
import type { LogFilter } from '../../search/filter.ts';

const LEVELS: readonly string[] = LOG_LEVELS;
/** The last moment that JavaScript's dates know, in milliseconds since the epoch. */
const LAST_TIME = 8_640_000_000_000_000;

/** The filter that a client asked for. Throws 400 that says what is wrong with which parameter. */
export async function readFilter(
  db: Database,
  jobId: string,
  { attempt }: LogStanding,
  query: LogFilterQuery,
): Promise<LogFilter> {
  return {
    level: query.level === undefined ? 0 : LEVELS.indexOf(query.level.toUpperCase()),
    components:
      query.component
        ?.split(',')
        .map((name) => name.trim().toLowerCase())
        .filter((name) => name !== '') ?? null,
    phase:
      query.phase === undefined
        ? null
        : await readPhase(query.phase, async () => await readPhaseNames(db, jobId, attempt)),
    step: query.step ?? null,
    since: readTime('since', query.since),
    until: readTime('until', query.until),
  };
}

async function readPhase(given: string, phaseNames: () => Promise<string[]>): Promise<number> {
  if (/^(?:-1|\d{1,5})$/.test(given)) return Number(given);
  const names = await phaseNames();
  const index = names.findIndex((name) => name.toLowerCase() === given.toLowerCase());
  if (index >= 0) return index;
  const known = names.length > 0 ? `there are ${names.join(', ')}` : 'it has none yet';
  throw new HttpError('unknown_phase', `the attempt has no phase "${given}"; ${known}`);
}

function readTime(name: string, given: string | undefined): number | null {
  if (given === undefined) return null;
  const time = /^\d+$/.test(given) ? Number(given) : /^\d{4}-\d{2}-\d{2}/.test(given) ? Date.parse(given) : Number.NaN;
  if (Number.isNaN(time) || time > LAST_TIME) {
    const message = `${name} is a time such as 2026-05-07T14:32:11Z, or milliseconds since the epoch, not "${given}"`;
    throw new HttpError('bad_time', message);
  }
  return time;
}

import type { LogStore } from '@kiln/store/logs/log-store.ts';
import type { LogStanding } from '@kiln/store/logs/standing.ts';
import type { LogFilter } from './filter.ts';

/**
 * The first and the last line that can pass, not before line `from`: times never go back within an attempt, so `since`
 * and `until` cut the log without a look at what is between. `first` is greater than `last` when there is none.
 */
export async function lineRange(
  logs: LogStore,
  jobId: string,
  standing: LogStanding,
  { since, until }: Pick<LogFilter, 'since' | 'until'>,
  from: number,
): Promise<{ first: number; last: number }> {
  const [begin, end] = await Promise.all([
    since === null ? 1 : logs.lineOfTime(jobId, standing, since),
    until === null ? standing.lines + 1 : logs.lineOfTime(jobId, standing, until + 1),
  ]);
  return { first: Math.max(from, begin), last: Math.min(standing.lines, end - 1) };
}

import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { LogParams } from '../pages/run/log-params.ts';
import { type LogQuery, LogSearch } from './log-search.ts';
import { merged, Rows } from './rows.ts';
import { searchLog } from './search-request.ts';
import type { LogOf } from './use-log.ts';

/** Lines that came since are searched this often at most. */
const AGAIN_MS = 1000;

/** What the address asks for, null when it asks for everything. */
export function queryOf({ q = '', mode, case: kind, level, component, phase }: LogParams): LogQuery | null {
  if (q === '' && !level && !component && phase === undefined) return null;
  return {
    text: q,
    regex: mode === 'regex',
    matchCase: kind === 'match',
    ...(level ? { level: level === 'warn' ? 'WARN' : 'ERROR' } : {}),
    ...(component ? { component } : {}),
    ...(phase === undefined ? {} : { phase }),
  };
}

/** Whether only lines that were found are shown: a condition narrows, a text only where that is asked for. */
export function isNarrowed({ only, level, component, phase, q }: LogParams): boolean {
  return (
    (only !== undefined && q !== undefined) || level !== undefined || component !== undefined || phase !== undefined
  );
}

/** The search that the address asks for, over all lines, and over those that come while it is shown. */
export function useLogSearch({ jobId, attempt }: LogOf, params: LogParams, lines: number): LogSearch | null {
  const key = JSON.stringify(queryOf(params));
  const search = useMemo(() => {
    const query = JSON.parse(key) as LogQuery | null;
    if (!query) return null;
    return new LogSearch(query, {
      search: (asked, from, signal) => searchLog({ jobId, attempt }, asked, from, signal),
      schedule: (callback) => requestAnimationFrame(callback),
    });
  }, [jobId, attempt, key]);
  useSyncExternalStore(
    (listener) => search?.subscribe(listener) ?? (() => undefined),
    () => search?.version ?? 0,
  );
  useEffect(() => {
    void search?.run();
    return () => search?.stop();
  }, [search]);
  const isBehind =
    search !== null && !search.running && search.error === null && !search.hasMore && search.looked < lines;
  useEffect(() => {
    if (!isBehind) return;
    const timer = setTimeout(() => void search?.run(), AGAIN_MS);
    return () => clearTimeout(timer);
  }, [search, isBehind]);
  return search;
}

/** The rows of lines that were found, with so many lines around each. */
export function foundRows(search: LogSearch, around: number, lines: number): Rows {
  if (around === 0) return new Rows(search.lines.map((line) => ({ first: line, last: line })));
  return new Rows(
    merged(search.lines.map((line) => ({ first: Math.max(1, line - around), last: Math.min(lines, line + around) }))),
  );
}

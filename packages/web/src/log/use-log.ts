import type { LogPage } from '@kiln/protocol/api.ts';
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { request } from '../api/request.ts';
import { useLive, useLiveState } from '../live/live.tsx';
import { inflate } from './inflate.ts';
import { LogStore } from './store.ts';

/** How much of a running job's past is sent at first; more is fetched where somebody scrolls. */
const HISTORY_LINES = 500;

/** What is known about an attempt's log from elsewhere. */
export interface LogOf {
  jobId: string;
  attempt: number;
  lines: number;
  finished: boolean;
}

/** The log of one attempt: live while it runs, fetched where somebody looks. Renders again when its lines change. */
export function useLog({ jobId, attempt, lines, finished }: LogOf): LogStore {
  const live = useLive();
  const connected = useLiveState().status === 'open';
  const store = useMemo(
    () =>
      new LogStore({
        fetch: (from, limit) =>
          request<LogPage>(`api/jobs/${jobId}/log?attempt=${attempt}&from=${from}&limit=${limit}`),
        inflate,
        schedule: (callback) => requestAnimationFrame(callback),
      }),
    [jobId, attempt],
  );
  useSyncExternalStore(
    (listener) => store.subscribe(listener),
    () => store.version,
  );
  useEffect(() => {
    if (finished) return;
    return live.follow({
      jobId,
      attempt,
      from: () => (store.total > 0 ? store.total : -HISTORY_LINES),
      onStart: ({ total }) => store.begin(total),
      onFrame: (frame) => store.addFrame(frame),
      onEnd: (total) => store.end(total),
    });
  }, [live, store, jobId, attempt, finished]);
  // Without the socket the run's own figures say how far the log is.
  useEffect(() => {
    if (finished || !connected) store.noteTotal(lines, finished);
  }, [store, lines, finished, connected]);
  return store;
}

import type { LogPage } from '@kiln/protocol/api.ts';
import type { LogOutlineAnswer } from '@kiln/protocol/log-api.ts';
import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { request } from '../api/request.ts';
import { useLive, useLiveState } from '../live/live.tsx';
import { inflate } from './inflate.ts';
import type { Outline } from './outline.ts';
import { OutlineKeeper } from './outline-keeper.ts';
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

/**
 * The log of one attempt: live while it runs, fetched where somebody looks. Renders again when its lines change. The
 * outline's object stays the same while it grows.
 */
export function useLog(log: LogOf): { store: LogStore; outline: Outline } {
  const { jobId, attempt, lines, finished } = log;
  const live = useLive();
  const connected = useLiveState().status === 'open';
  const latest = useRef(log);
  latest.current = log;
  const { store, keeper } = useMemo(() => {
    const store = new LogStore({
      fetch: (from, limit) => request<LogPage>(`api/jobs/${jobId}/log?attempt=${attempt}&from=${from}&limit=${limit}`),
      inflate,
      schedule: (callback) => requestAnimationFrame(callback),
    });
    const keeper = new OutlineKeeper(
      () => request<LogOutlineAnswer>(`api/jobs/${jobId}/log/outline?attempt=${attempt}`),
      () => store.touch(),
    );
    // So that the first thing drawn asks for its lines already.
    if (latest.current.finished) store.noteTotal(latest.current.lines, true);
    return { store, keeper };
  }, [jobId, attempt]);
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
      onFrame: (frame) => {
        keeper.add(frame.header);
        store.addFrame(frame);
      },
      onEnd: (total) => store.end(total),
    });
  }, [live, store, keeper, jobId, attempt, finished]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is final is asked for once more when it is
  useEffect(() => {
    void keeper.load();
    return () => keeper.stop();
  }, [keeper, finished]);
  // Without the socket the run's own figures say how far the log is.
  useEffect(() => {
    if (finished || !connected) store.noteTotal(lines, finished);
  }, [store, lines, finished, connected]);
  return { store, outline: keeper.outline };
}

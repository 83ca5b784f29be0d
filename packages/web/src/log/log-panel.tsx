import { useLocation, useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';
import { basePath } from '../api/base.ts';
import { formatCount } from '../parts/format.ts';
import { isForPage } from '../parts/keys.ts';
import { Problem } from '../parts/notices.tsx';
import { onLineAsked } from './jumps.ts';
import { Lines } from './lines.tsx';
import css from './log.module.css';
import { LogToolbar } from './log-toolbar.tsx';
import { useLogPrefs } from './prefs.ts';
import { parseSelection, selectionHash } from './selection.ts';
import { useFollow } from './use-follow.ts';
import { type LogOf, useLog } from './use-log.ts';

/**
 * The log of one attempt. Opens at the lines that the address names, else at the cause of the failure, else at the end
 * while it runs. Give it a `key` of job and attempt.
 */
export function LogPanel({
  log,
  title,
  startedAt,
  cause,
}: {
  log: LogOf;
  title: string;
  /** Start of the attempt, in milliseconds since the epoch. */
  startedAt: number;
  /** The line that looks like the cause of the failure. */
  cause: number | null;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const store = useLog(log);
  const { prefs, nextTimes, setWrap } = useLogPrefs();
  const navigate = useNavigate();
  const location = useLocation();
  const selection = parseSelection(location.hash);
  const startAtEnd = !log.finished && selection === null;
  const follow = useFollow(scroller, store.shown, { wrapped: prefs.wrap, startAtEnd });
  const { view, shown, following, measured } = follow;

  const jumpTo = (line: number) => follow.toLine(line);
  /** What one looks at stays where it is: the line of the address or the cause, else what is in the middle. */
  const toggleWrap = () => {
    const seen = [selection?.first, cause].find((line) => line && isVisible(scroller.current, line));
    if (!following) follow.toLine(seen ?? Math.round((view.first + view.last) / 2), !prefs.wrap);
    setWrap(!prefs.wrap);
  };
  const target = selection?.first ?? (log.finished ? cause : null);
  const jumpedTo = useRef<number | null>(null);
  useEffect(() => {
    if (target === null || !measured || shown === 0 || target > shown || jumpedTo.current === target) return;
    const first = jumpedTo.current === null;
    jumpedTo.current = target;
    if (first || !isVisible(scroller.current, target)) jumpTo(target);
  });

  useEffect(() =>
    onLineAsked((jobId, line) => {
      if (jobId !== log.jobId) return;
      jumpedTo.current = line;
      jumpTo(line);
    }),
  );

  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (!isForPage(event)) return;
      if (event.key === 'e' && cause !== null) jumpTo(cause);
      else if (event.key === 'w') toggleWrap();
      else if (event.key === 't') nextTimes();
      else if (event.key === 'End') follow.toEnd();
      else if (event.key === 'Home') follow.toStart();
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  });

  const fresh = Math.max(0, store.total - shown) + useUnseen(following, shown);
  return (
    <section className={css.panel} aria-label={`Log of ${title}`}>
      <LogToolbar
        title={title}
        log={log}
        store={store}
        prefs={prefs}
        following={following}
        onTimes={nextTimes}
        onWrap={toggleWrap}
        onFollow={follow.toEnd}
        onCause={cause === null ? null : () => jumpTo(cause)}
      />
      {store.error && (
        <Problem title="Some lines could not be loaded" error={store.error} retry={() => store.retry()} />
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <div ref={scroller} className={css.scroller} tabIndex={0} data-testid="log" role="log" aria-live="off">
        {shown === 0 ? (
          <p className={css.nothing}>
            {store.complete
              ? 'This attempt printed nothing.'
              : 'Nothing was printed yet. Lines appear here as they come.'}
          </p>
        ) : (
          <Lines
            scroller={scroller}
            store={store}
            view={view}
            lines={shown}
            prefs={prefs}
            href={`${basePath}${location.pathname.replace(/^\//, '')}${location.searchStr}`}
            startedAt={startedAt}
            cause={cause}
            selection={selection}
            onSelect={(next) => {
              jumpedTo.current = next.first;
              void navigate({
                to: '.',
                search: (before) => before,
                hash: selectionHash(next),
                replace: true,
                resetScroll: false,
                hashScrollIntoView: false,
              });
            }}
          />
        )}
      </div>
      {!following && !store.complete && (
        <button type="button" className={css.jump} onClick={follow.toEnd}>
          {fresh > 0 ? `${formatCount(fresh)} new ${fresh === 1 ? 'line' : 'lines'}` : 'Paused'} · Jump to the end
        </button>
      )}
    </section>
  );
}

/** Lines that came since the view left the end. */
function useUnseen(following: boolean, shown: number): number {
  const seen = useRef(shown);
  if (following) seen.current = shown;
  return Math.max(0, shown - seen.current);
}

function isVisible(scroller: HTMLElement | null, line: number): boolean {
  const row = scroller?.querySelector(`[data-row="${line}"]`);
  if (!scroller || !row) return false;
  const view = scroller.getBoundingClientRect();
  const at = row.getBoundingClientRect();
  return at.top >= view.top && at.bottom <= view.bottom;
}

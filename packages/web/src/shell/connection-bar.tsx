import { IconPlugConnectedX } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useLive, useLiveState } from '../live/live.tsx';
import { clockTime } from '../parts/format.ts';
import css from './connection.module.css';

/** Says that the live socket is away, from when the data on the page is, and when the next try is. */
export function ConnectionBar() {
  const state = useLiveState();
  if (state.status !== 'lost') return null;
  return <Lost since={state.since} nextTryAt={state.nextTryAt} />;
}

function Lost({ since, nextTryAt }: { since: number; nextTryAt: number }) {
  const live = useLive();
  const client = useQueryClient();
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, []);
  const fetched = client
    .getQueryCache()
    .findAll({ type: 'active' })
    .reduce((latest, query) => Math.max(latest, query.state.dataUpdatedAt), 0);
  const seconds = Math.max(0, Math.ceil((nextTryAt - now) / 1000));
  return (
    <div className={css.bar} role="alert">
      <IconPlugConnectedX size={16} aria-hidden />
      <span>
        <b>Connection lost.</b> Data from {clockTime(Math.max(fetched, fetched === 0 ? since : 0))}.{' '}
        {seconds > 0 ? `Next try in ${seconds}s.` : 'Trying…'}
      </span>
      <button type="button" onClick={() => live.retryNow()}>
        Try now
      </button>
    </div>
  );
}

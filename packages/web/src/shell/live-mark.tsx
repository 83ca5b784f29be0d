import { IconPlugConnected, IconPlugConnectedX } from '@tabler/icons-react';
import { useLiveState } from '../live/live.tsx';
import css from './connection.module.css';

/** Whether the page is live, in a word. */
export function LiveMark() {
  const { status } = useLiveState();
  const live = status === 'open';
  const Icon = live ? IconPlugConnected : IconPlugConnectedX;
  return (
    <span className={css.mark} data-status={status} role="status">
      <Icon size={15} stroke={1.7} aria-hidden />
      {live ? 'Live' : status === 'connecting' ? 'Connecting' : 'Not connected'}
    </span>
  );
}

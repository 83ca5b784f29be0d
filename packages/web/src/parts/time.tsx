import { formatDuration } from '@kiln/protocol/duration.ts';
import { useSyncExternalStore } from 'react';
import { lastTick, onTick } from '../api/clock.ts';
import { exactTime, relativeTime } from './format.ts';

/** The farm's time in milliseconds since the epoch; the component renders again every second. */
export function useNow(): number {
  return useSyncExternalStore(onTick, lastTick);
}

/** How long ago (or until) a moment is, ticking; the exact one on hover. */
export function Ago({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={exactTime(at)} className="nowrap">
      {relativeTime(Date.parse(at), now)}
    </time>
  );
}

/** When something is tried again: `in 4m`, or that it is due. */
export function Again({ at }: { at: string }) {
  const now = useNow();
  const due = Date.parse(at) <= now;
  return (
    <time dateTime={at} title={exactTime(at)} className="nowrap">
      {due ? 'at any moment' : relativeTime(Date.parse(at), now)}
    </time>
  );
}

/** How long something took, or has taken so far: ticks while `to` is null. */
export function Elapsed({ from, to }: { from: string | number; to: string | number | null }) {
  return to === null ? <Ticking from={ms(from)} /> : <span className="nowrap">{span(ms(from), ms(to))}</span>;
}

function Ticking({ from }: { from: number }) {
  const now = useNow();
  return <span className="nowrap">{formatDuration(Math.max(0, Math.floor((now - from) / 1000) * 1000))}</span>;
}

function ms(time: string | number): number {
  return typeof time === 'number' ? time : Date.parse(time);
}

function span(from: number, to: number): string {
  return formatDuration(Math.max(0, to - from));
}

import { formatDuration } from '@kiln/protocol/duration.ts';
import { useSyncExternalStore } from 'react';
import { lastTick, onTick } from '../api/clock.ts';
import { exactTime, relativeTime } from './format.ts';

/** A text that depends on the farm's time; the component renders again only when the text is another one. */
function useTicking(text: (now: number) => string): string {
  return useSyncExternalStore(onTick, () => text(lastTick()));
}

/** How long ago (or until) a moment is, ticking; the exact one on hover. */
export function Ago({ at }: { at: string }) {
  const text = useTicking((now) => relativeTime(Date.parse(at), now));
  return (
    <time dateTime={at} title={exactTime(at)} className="nowrap">
      {text}
    </time>
  );
}

/** When something is tried again: `in 4m`, or that it is due. */
export function Again({ at }: { at: string }) {
  const text = useTicking((now) => (Date.parse(at) <= now ? 'at any moment' : relativeTime(Date.parse(at), now)));
  return (
    <time dateTime={at} title={exactTime(at)} className="nowrap">
      {text}
    </time>
  );
}

/** How long something took, or has taken so far: ticks while `to` is null. Times as text or in milliseconds. */
export function Elapsed({ from, to }: { from: string | number; to: string | number | null }) {
  if (to === null) return <Ticking from={milliseconds(from)} />;
  return <span className="nowrap">{formatDuration(Math.max(0, milliseconds(to) - milliseconds(from)))}</span>;
}

function Ticking({ from }: { from: number }) {
  const text = useTicking((now) => {
    const seconds = Math.max(0, Math.floor((now - from) / 1000));
    return seconds < 10 ? `${seconds}s` : formatDuration(seconds * 1000);
  });
  return <span className="nowrap">{text}</span>;
}

function milliseconds(time: string | number): number {
  return typeof time === 'number' ? time : Date.parse(time);
}

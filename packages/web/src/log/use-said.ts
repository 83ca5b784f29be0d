import { useEffect, useRef, useState } from 'react';
import { plural } from '../parts/format.ts';

/** A screen reader is told of new lines this often at most. */
const PAUSE_MS = 5000;

/** What a screen reader is told of lines that came while the log is paused: how many, now and then, never the lines. */
export function useSaid(fresh: number): string {
  const [said, setSaid] = useState('');
  const latest = useRef(fresh);
  latest.current = fresh;
  const any = fresh > 0;
  useEffect(() => {
    if (!any) return setSaid('');
    const say = () => setSaid(`${plural(latest.current, 'line')} came since you paused`);
    say();
    const timer = setInterval(say, PAUSE_MS);
    return () => clearInterval(timer);
  }, [any]);
  return said;
}

import type { Clock } from './machine.ts';
import type { TimerMemory } from './memory.ts';
import type { VERDICTS } from './metrics-table.ts';
import type { Properties } from './systemctl.ts';
import { parseDate, parseTimespan } from './timespan.ts';

/** How a timer stands. */
export type Verdict = keyof typeof VERDICTS;

/** What is known about a timer. Times are seconds since 1970, null where there is none. */
export interface TimerReading extends TimerMemory {
  verdict: Verdict;
  /** What the verdict rests on, for people. */
  reason: string;
}

/** More than this many intervals without a sign of life are too many. */
const PATIENCE = 2;

/**
 * Reads a timer and judges it.
 *
 * Ages are taken from the monotonic clock, which stands still during a suspend, and never reach back beyond the timer's own
 * activation: neither a resume nor a boot makes a timer look late that has not had its time yet.
 */
export function readTimer(
  timer: Properties,
  service: Properties | undefined,
  clock: Clock,
  options: { interval: number | null; memory: TimerMemory | null },
): TimerReading {
  const { memory } = options;
  const lastTrigger = parseDate(timer.get('LastTriggerUSec') ?? '') ?? memory?.lastTrigger ?? null;
  const nextElapse = next(timer, clock);
  const settings = scheduleOf(timer);
  const interval = options.interval ?? intervalOf(settings, { lastTrigger, nextElapse, memory });
  const [verdict, reason] = judge(timer, service, clock, {
    lastTrigger,
    nextElapse,
    interval,
    isRepeating: settings.repeats !== null,
    isOverridden: options.interval !== null,
  });
  return { lastTrigger, nextElapse, interval, verdict, reason };
}

interface Judged {
  lastTrigger: number | null;
  nextElapse: number | null;
  interval: number | null;
  isRepeating: boolean;
  isOverridden: boolean;
}

function judge(
  timer: Properties,
  service: Properties | undefined,
  clock: Clock,
  { lastTrigger, nextElapse, interval, isRepeating, isOverridden }: Judged,
): [Verdict, string] {
  const loadState = timer.get('LoadState') ?? '';
  if (loadState !== 'loaded') return ['not loaded', loadState];
  const activeState = timer.get('ActiveState') ?? '';
  if (activeState !== 'active') return ['inactive', activeState];
  const subState = timer.get('SubState') ?? '';
  if (subState === 'elapsed' && nextElapse === null && (isRepeating || lastTrigger === null))
    return ['elapsed', 'it has no next time'];
  if (interval !== null) {
    const limit = PATIENCE * interval;
    if (subState === 'running') {
      const runs = clock.monotonic - startOf(service, timer);
      if (runs > limit) return ['running too long', `runs for ${Math.round(runs)} s, every ${interval} s is meant`];
    } else {
      const age = clock.monotonic - lastSign(timer, service, clock);
      const isLate = isOverridden || nextElapse === null || nextElapse < clock.wall;
      if (age > limit && isLate)
        return ['overdue', `no sign of life for ${Math.round(age)} s, every ${interval} s is meant`];
    }
  }
  const result = service?.get('Result') ?? 'success';
  if (service?.get('ActiveState') === 'failed' || (result !== 'success' && result !== ''))
    return ['last run failed', result];
  return ['ok', ''];
}

/** When the present run began, monotonic seconds. */
function startOf(service: Properties | undefined, timer: Properties): number {
  return Math.max(
    micros(service?.get('InactiveExitTimestampMonotonic')),
    service ? 0 : micros(timer.get('StateChangeTimestampMonotonic')),
  );
}

/** The last moment that speaks for the timer: its activation, its trigger, the end of a run. Monotonic seconds. */
function lastSign(timer: Properties, service: Properties | undefined, clock: Clock): number {
  const signs = [
    micros(timer.get('ActiveEnterTimestampMonotonic')),
    parseTimespan(timer.get('LastTriggerUSecMonotonic') ?? '') ?? 0,
    micros(service?.get('InactiveEnterTimestampMonotonic')),
  ];
  return Math.max(...signs.filter((sign) => sign <= clock.monotonic), 0);
}

function next(timer: Properties, clock: Clock): number | null {
  const realtime = parseDate(timer.get('NextElapseUSecRealtime') ?? '');
  const span = parseTimespan(timer.get('NextElapseUSecMonotonic') ?? '');
  const monotonic = span ? Math.round(clock.wall + span - clock.monotonic) : null;
  if (realtime === null || monotonic === null) return realtime ?? monotonic;
  return Math.min(realtime, monotonic);
}

interface Schedule {
  /** How it fires again and again; null for a timer that fires once. */
  repeats: 'monotonic' | 'calendar' | null;
  /** Seconds, of the shortest monotonic setting that repeats. */
  every: number | null;
}

/** Reads lines such as `{ OnUnitActiveUSec=30s ; next_elapse=… }` and `{ OnCalendar=*-*-* 00:00:00 ; next_elapse=… }`. */
function scheduleOf(timer: Properties): Schedule {
  const settings = (timer.get('TimersMonotonic') ?? '').matchAll(/OnUnit(?:Active|Inactive)USec=([^;]+);/g);
  const spans = [...settings].flatMap(([, span = '']) => parseTimespan(span) || []);
  if (spans.length > 0) return { repeats: 'monotonic', every: Math.min(...spans) };
  return { repeats: timer.get('TimersCalendar') ? 'calendar' : null, every: null };
}

/**
 * Of a calendar it is the distance between the last and the next time. What an earlier pair showed counts too, when it is longer: a
 * run that was made up for after a boot stands closer to the next than usual.
 */
function intervalOf(
  schedule: Schedule,
  {
    lastTrigger,
    nextElapse,
    memory,
  }: { lastTrigger: number | null; nextElapse: number | null; memory: TimerMemory | null },
): number | null {
  if (schedule.every !== null) return schedule.every;
  if (schedule.repeats === null) return null;
  const known: number[] = [];
  if (lastTrigger !== null && nextElapse !== null && nextElapse > lastTrigger) known.push(nextElapse - lastTrigger);
  if (memory?.nextElapse && nextElapse !== null && nextElapse > memory.nextElapse)
    known.push(nextElapse - memory.nextElapse);
  else if (memory?.interval) known.push(memory.interval);
  return known.length > 0 ? Math.max(...known) : null;
}

function micros(text: string | undefined): number {
  return Number(text ?? 0) / 1e6 || 0;
}

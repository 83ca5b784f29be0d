import type { LineRun } from '@kiln/protocol/frame.ts';

/** Which lines of a log are wanted; null is no condition. Everything it asks is in the headers of frames. */
export interface LogFilter {
  /** The least level, as an index into LOG_LEVELS. */
  level: number;
  /** In lower case. */
  components: readonly string[] | null;
  phase: number | null;
  step: number | null;
  /** Milliseconds since the epoch, both included. */
  since: number | null;
  until: number | null;
}

/** Whether the lines of a run are wanted. */
export function passes(filter: LogFilter, [, time, level, component, phase, step]: LineRun): boolean {
  return (
    level >= filter.level &&
    (filter.components === null || filter.components.includes(component.toLowerCase())) &&
    (filter.phase === null || phase === filter.phase) &&
    (filter.step === null || step === filter.step) &&
    (filter.since === null || time >= filter.since) &&
    (filter.until === null || time <= filter.until)
  );
}

/** Whether a filter lets everything through. */
export function passesAll(filter: LogFilter): boolean {
  const { level, ...others } = filter;
  return level === 0 && Object.values(others).every((condition) => condition === null);
}

/** Lets everything through. */
export const NO_FILTER: LogFilter = {
  level: 0,
  components: null,
  phase: null,
  step: null,
  since: null,
  until: null,
};

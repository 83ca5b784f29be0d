import type { LogLine } from '@kiln/protocol/api.ts';
import type { LineRun } from '@kiln/protocol/frame.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';

/** One line of a log. `time` is in milliseconds since the epoch, `level` an index into LOG_LEVELS. */
export interface LogRow {
  line: number;
  time: number;
  level: number;
  /** `kiln`: said by the agent. `output`: printed by a command. Others are a builder's. */
  component: string;
  /** Index of the job's phase and of the phase's step; -1 outside of all. */
  phase: number;
  step: number;
  /** Where in the build it is, in a builder's own words. */
  context?: string;
  text: string;
}

/** The rows of a frame: its runs say what the lines share, `text` has them one after the other, each ended by `\n`. */
export function rowsOfFrame(firstLine: number, runs: readonly LineRun[], text: string): LogRow[] {
  const rows: LogRow[] = [];
  let at = 0;
  for (const [lines, time, level, component, phase, step, context] of runs) {
    const where = context === undefined ? { phase, step } : { phase, step, context };
    for (let n = 0; n < lines; n += 1) {
      const end = text.indexOf('\n', at);
      const stop = end < 0 ? text.length : end;
      rows.push({ line: firstLine + rows.length, time, level, component, ...where, text: text.slice(at, stop) });
      at = Math.min(stop + 1, text.length);
    }
  }
  return rows;
}

/** The rows of a page of `GET /api/jobs/{id}/log`. */
export function rowsOfPage(lines: readonly LogLine[]): LogRow[] {
  return lines.map(({ line, time, level, component, phase, step, context, text }) => ({
    line,
    time: Date.parse(time),
    level: Math.max(0, LOG_LEVELS.indexOf(level as (typeof LOG_LEVELS)[number])),
    component,
    phase,
    step,
    ...(context === undefined ? {} : { context }),
    text,
  }));
}

import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import type { PostedEntry } from '@kiln/protocol/vm-build.ts';
import { LINE_LIMIT, LineSplitter } from '@kiln/service/frames/lines.ts';

/** A line as it goes into a frame. */
export interface PostedLine {
  /** Milliseconds since the epoch. */
  time: number;
  /** Index in LOG_LEVELS. */
  level: number;
  component: string;
  phase: number;
  step: number;
  context?: string;
  /** With its newline. */
  text: Buffer;
}

/** A checked entry: its lines were masked, and its time is a number. */
export interface MaskedEntry extends Pick<PostedEntry, 'level' | 'component'> {
  time: number;
  context: string;
  lines: string[];
}

/** The lines of entries. `phases` are those of the attempt, in which the entries' contexts are looked up. */
export function postedLines(entries: readonly MaskedEntry[], phases: readonly PhaseReport[]): PostedLine[] {
  return entries.flatMap((entry) => {
    const shared = {
      time: entry.time,
      level: LOG_LEVELS.indexOf(entry.level),
      component: entry.component,
      ...placeOf(entry.context, phases),
    };
    return entry.lines.flatMap((line) => cut(line).map((text) => ({ ...shared, text })));
  });
}

/** A line as bytes, in several pieces where it is too long for one. */
function cut(line: string): Buffer[] {
  const bytes = Buffer.from(`${line}\n`);
  if (bytes.length <= LINE_LIMIT + 1) return [bytes];
  const pieces: Buffer[] = [];
  const splitter = new LineSplitter((block) => pieces.push(Buffer.from(block)), {
    longest: 0,
    cutPoint: (_bytes, limit) => limit,
  });
  splitter.push(bytes);
  return pieces;
}

/** The step or the phase of that name; the words themselves where there is none. */
function placeOf(context: string, phases: readonly PhaseReport[]): Pick<PostedLine, 'phase' | 'step' | 'context'> {
  if (context === '') return { phase: -1, step: -1 };
  const isNamed = ({ name }: { name: string }) => name.toLowerCase() === context.toLowerCase();
  const running = phases.findIndex(({ state, steps }) => state === 'running' && steps.some(isNamed));
  const phase = running >= 0 ? running : phases.findIndex(({ steps }) => steps.some(isNamed));
  if (phase >= 0) return { phase, step: phases[phase]?.steps.findIndex(isNamed) ?? -1 };
  const whole = phases.findIndex(isNamed);
  return whole >= 0 ? { phase: whole, step: -1 } : { phase: -1, step: -1, context };
}

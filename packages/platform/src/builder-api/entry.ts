import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';

/** What people call the place of a line: its step, else its phase, else the builder's own words; empty outside of all. */
export function contextOf(
  { phase, step, context }: { phase: number; step: number; context?: string | undefined },
  phases: readonly PhaseReport[],
): string {
  if (context !== undefined) return context;
  const found = phases[phase];
  return found?.steps[step]?.name ?? found?.name ?? '';
}

/** A time as the build service writes it: RFC 3339 in UTC, with milliseconds only where there are some. */
export function timestampOf(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

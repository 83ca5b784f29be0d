import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { JobStatus } from '@kiln/protocol/states.ts';

/** The phases of a package build, with their steps, `percent` of the way through. */
export function phasesAt(startedAt: number, durationMs: number, percent: number, end: JobStatus): PhaseReport[] {
  const plan: [name: string, weight: number, steps: string[]][] = [
    ['fetch', 1, ['checkout']],
    ['build', 6, ['./configure --prefix=/usr', 'make -j4']],
    ['test', 3, ['make check']],
    ['package', 1, ['make install DESTDIR=out', 'tar czf out.tar.gz']],
  ];
  const all = plan.reduce((sum, [, weight, steps]) => sum + weight * steps.length, 0);
  let before = 0;
  return plan.map(([name, weight, steps]) => {
    const report = steps.map((step): PhaseReport['steps'][number] => {
      const from = before / all;
      before += weight;
      const to = before / all;
      const at = percent / 100;
      const done = at >= to && (at < 1 || end === 'completed' || to < 1);
      const begun = at >= from;
      const stopped = begun && !done && (end === 'failed' || end === 'cancelled');
      return {
        name: step,
        state: done
          ? 'completed'
          : stopped
            ? end === 'failed'
              ? 'failed'
              : 'cancelled'
            : begun
              ? 'running'
              : end === 'failed'
                ? 'skipped'
                : 'waiting',
        startedAt: begun ? startedAt + from * durationMs : null,
        finishedAt: done || stopped ? startedAt + Math.min(at, to) * durationMs : null,
        exitCode: done ? 0 : stopped && end === 'failed' ? 2 : null,
        signal: null,
        firstLine: begun ? 1 : null,
      };
    });
    const states = report.map((step) => step.state);
    const state = states.every((each) => each === 'completed')
      ? 'completed'
      : (states.find((each) => each === 'failed' || each === 'cancelled' || each === 'running') ??
        (states.includes('completed') ? 'running' : (states[0] ?? 'waiting')));
    return {
      name,
      weight,
      state,
      startedAt: report[0]?.startedAt ?? null,
      finishedAt:
        state === 'running' || state === 'waiting'
          ? null
          : (report.findLast((step) => step.finishedAt)?.finishedAt ?? null),
      steps: report,
    };
  });
}

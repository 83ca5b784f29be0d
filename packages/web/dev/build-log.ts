import type { PhaseReport } from '@kiln/protocol/agent-messages.ts';
import type { Said } from './log.ts';
import { buildLine } from './words.ts';

/**
 * The lines of a build with these phases: what Kiln says around each phase and step, compiler output between, and, where
 * `failsAt` is given, an error there.
 */
export function buildLog(
  phases: readonly PhaseReport[],
  lines: number,
  ids: { runId: string; requestId: string },
  failsAt?: number,
): (line: number) => Said {
  const marks = new Map<number, Said>();
  marks.set(1, { text: `Run: ${ids.runId} | Trace: ${ids.requestId}`, component: 'kiln' });
  const steps = phases
    .flatMap((phase, p) => phase.steps.map((step, s) => ({ phase, p, step, s })))
    .filter(({ step }) => step.firstLine !== null);
  const length = Math.max(4, Math.floor((lines - 2) / Math.max(1, steps.length)));
  const starts: number[] = [];
  for (const [index, { phase, p, step, s }] of steps.entries()) {
    const at = 2 + index * length;
    starts.push(at);
    if (s === 0) marks.set(at, { text: `▸ phase ${phase.name}`, component: 'kiln', phase: p, step: -1 });
    const line = at + (s === 0 ? 1 : 0);
    marks.set(line, { text: `$ ${step.name}`, component: 'kiln', phase: p, step: s });
    step.firstLine = line;
  }
  if (failsAt !== undefined) {
    const text = (message: string): Said => ({ text: message, level: 'ERROR' });
    marks.set(
      failsAt,
      text(
        "\x1b[1msrc/math/fma.c:43:9:\x1b[0m \x1b[1;31merror:\x1b[0m implicit declaration of function '\x1b[1mfma_normalize\x1b[0m'",
      ),
    );
    marks.set(failsAt + 1, { text: '   43 |     struct num nx = \x1b[1;31mfma_normalize\x1b[0m(x);' });
    marks.set(failsAt + 2, { text: '      |                     \x1b[1;31m^~~~~~~~~~~~~\x1b[0m' });
    marks.set(failsAt + 3, text('make: *** [Makefile:156: obj/src/math/fma.o] Error 1'));
    marks.set(failsAt + 4, { text: '✘ step "make" ended with exit code 2 (41.3s)', component: 'kiln', level: 'ERROR' });
  }
  return (line) => {
    const index = starts.findLastIndex((start) => start <= line);
    const step = steps[index];
    const said = marks.get(line) ?? buildLine(line);
    return { phase: step?.p ?? -1, step: step?.s ?? -1, ...said };
  };
}

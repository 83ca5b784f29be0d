import type { FixtureFarm } from './farm.ts';
import { phasesAt } from './phases.ts';
import { buildLine } from './words.ts';

/** Lets the farm look busy: what builds prints lines, gets on, and ends; then the next run begins. */
export function act(farm: FixtureFarm): () => void {
  const timer = setInterval(() => {
    for (const run of farm.data.runs.filter((each) => each.status === 'building')) {
      const log = farm.logOf(run);
      farm.print(run, ...Array.from({ length: 1 + Math.floor(Math.random() * 4) }, (_, n) => buildLine(log.total + n)));
      run.percent = Math.min(99, run.percent + 0.15);
      const attempt = run.jobList[0]?.attempts.at(-1);
      if (attempt && run.startedAt) {
        attempt.percent = run.percent;
        attempt.phases = phasesAt(
          Date.parse(run.startedAt),
          Date.now() - Date.parse(run.startedAt),
          run.percent,
          'building',
        );
      }
      if (run.percent >= 99) {
        farm.end(run, Math.random() < 0.8 ? 'completed' : 'failed');
        farm.start(run.recipe, `1.${30 + Math.floor(Math.random() * 60)}.0-1`);
      } else farm.changed('run', run.runId);
    }
  }, 400);
  return () => clearInterval(timer);
}

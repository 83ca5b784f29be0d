import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { Reporter } from './reporter.ts';
import { TIMING, type Timing } from './timing.ts';

export interface ForgeReports {
  /** Tells what is to be told now; what a forge does not take stays for later. */
  flush(): Promise<void>;
}

/**
 * Tells the forges how the runs for their commits go. Builds never wait for it: what is still to be told is the difference
 * between the runs and what was written down as told, so that nothing is lost over a crash or while a forge is away. A report
 * may be said twice, which changes nothing. Without a configured forge nothing is looked at.
 */
export function startForgeReports(context: FarmContext, timing: Timing = TIMING): ForgeReports {
  const { bus, config, lifecycle, metrics } = context;
  const counter = metrics.counter('forge_reports_total', 'Reports to forges about runs, by what became of them', [
    'kind',
    'outcome',
  ]);
  const reporters = config.forges.map((forge) => {
    const count = (outcome: string) => counter.inc({ kind: forge.kind, outcome });
    return new Reporter({ ...context, count }, forge, timing);
  });
  for (const reporter of reporters) {
    let hasMore = false;
    const wake = (wakeUp: () => void) =>
      bus.subscribe(SUBJECTS.changed, ({ topic }) => {
        if (topic === 'run') wakeUp();
      });
    const { everyMs, gatherMs } = timing;
    const nextDueMs = () => (hasMore ? 0 : null);
    lifecycle.loop(`forge ${reporter.host}`, { everyMs, gatherMs, nextDueMs, wake }, async (signal) => {
      hasMore = await reporter.round(signal);
    });
  }
  return {
    async flush() {
      await Promise.all(
        reporters.map(async (reporter) => {
          while (await reporter.round(lifecycle.signal));
        }),
      );
    },
  };
}

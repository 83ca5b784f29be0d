import type { Trace } from '@kiln/protocol/api.ts';
import type { Command } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln trace 3f2a9c10-5b7e-4c1d-9a52-0e6f5d1c2b3a
  kiln trace 3f2a9c10 --json`;

/** `kiln trace`: what happened to one request, over all tiers, with the times between. */
export function register(program: Command): void {
  withFarmOptions(program.command('trace'))
    .description('Tells the whole story of a request, from what started it to what was published.')
    .argument('<id>', 'id of a request, run, job, event or delivery; of a run, four characters are enough')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (id: string, options: FarmOptions & { json?: boolean }) => {
      const { createClient } = await import('../client.ts');
      const { findTrace } = await import('../find-trace.ts');
      const trace: Trace = await findTrace(await createClient(options), id);
      if (options.json) (await import('../output/words.ts')).printJson(trace);
      else process.stdout.write((await import('../output/trace.ts')).describeTrace(trace));
    });
}

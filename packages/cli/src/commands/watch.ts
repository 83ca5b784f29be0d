import type { Command } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Exit code: 0 when the run completed, 1 when it failed or was cancelled. Ctrl-C ends the watching, not the run.

Examples:
  kiln watch 3f2a9c10
  kiln watch 3f2a9c10 > build.log`;

/** `kiln watch`: the log and the progress of a run in the terminal. */
export function register(program: Command): void {
  withFarmOptions(program.command('watch'))
    .description('Follows a run until it ends: its log from the beginning and, on a terminal, what it does now.')
    .argument('<run>', 'id of the run, or at least four characters of it')
    .addHelpText('after', EXAMPLES)
    .action(async (given: string, options: FarmOptions) => {
      const { createClient } = await import('../client.ts');
      const { findRun } = await import('../find-run.ts');
      const { watchRun } = await import('../live/watch-run.ts');
      const client = await createClient(options);
      process.exitCode = await watchRun(client, await findRun(client, given));
    });
}

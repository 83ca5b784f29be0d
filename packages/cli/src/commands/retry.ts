import type { RunChange } from '@kiln/protocol/api.ts';
import type { Command } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln retry 3f2a9c10
  kiln retry 3f2a9c10 --watch`;

/** `kiln retry`: tries a failed run again. */
export function register(program: Command): void {
  withFarmOptions(program.command('retry'))
    .description('Tries a failed run again now. What succeeded is not built again; the earlier logs stay.')
    .argument('<run>', 'id of the run, or at least four characters of it')
    .option('--watch', 'follow it, as kiln watch does')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (given: string, options: FarmOptions & { watch?: boolean; json?: boolean }) => {
      const { changeRun } = await import('../change-run.ts');
      const { printJson, shortId, statusWord } = await import('../output/words.ts');
      const change: RunChange = await changeRun(options, given, 'retry');
      if (options.json) printJson(change);
      else process.stdout.write(`${shortId(change.runId)} ${statusWord(change.status)}\n`);
      if (options.watch) {
        const { createClient } = await import('../client.ts');
        const { watchRun } = await import('../live/watch-run.ts');
        process.exitCode = await watchRun(await createClient(options), change.runId);
      }
    });
}

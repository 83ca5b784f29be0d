import type { RunChange } from '@kiln/protocol/api.ts';
import type { Command } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln cancel 3f2a9c10
  kiln cancel 3f2a9c10 --json`;

/** `kiln cancel`: ends a run. */
export function register(program: Command): void {
  withFarmOptions(program.command('cancel'))
    .description('Cancels a run: its steps are stopped, and it is not tried again.')
    .argument('<run>', 'id of the run, or at least four characters of it')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (given: string, options: FarmOptions & { json?: boolean }) => {
      const { changeRun } = await import('../change-run.ts');
      const { printJson, shortId, statusWord } = await import('../output/words.ts');
      const change: RunChange = await changeRun(options, given, 'cancel');
      if (options.json) printJson(change);
      else {
        const note = change.status === 'failed' ? ', and waits for no further try' : '';
        process.stdout.write(`${shortId(change.runId)} ${statusWord(change.status)}${note}\n`);
      }
    });
}

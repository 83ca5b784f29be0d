import type { Command } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Without a version the newest one that the upstream has is built. A version that was published already, or that waits for
its next try, is built only with --force. Exit code 1 when nothing was started; with --watch, also when the run failed.

Examples:
  kiln run hello
  kiln run hello@1.2.0 --force
  kiln run hello --watch`;

interface RunOptions extends FarmOptions {
  force: boolean;
  watch?: boolean;
  json?: boolean;
}

/** `kiln run`: starts a recipe by hand. */
export function register(program: Command): void {
  withFarmOptions(program.command('run'))
    .description('Starts a recipe and prints the run, or why there is none.')
    .argument('<recipe[@version]>', 'the recipe, and the version to build')
    .option('--force', 'build although it was published, or waits for its next try', false)
    .option('--watch', 'follow the run, as kiln watch does')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (target: string, options: RunOptions) => {
      const { createClient } = await import('../client.ts');
      const { startRun } = await import('../start-run.ts');
      const { printJson, shortId, statusWord } = await import('../output/words.ts');
      const client = await createClient(options);
      const { event, runs } = await startRun(client, target, options);
      if (options.json) printJson({ eventId: event.eventId, requestId: event.requestId, outcome: event.outcome, runs });
      if (runs.length === 0 && !options.json) process.stdout.write(`no run: ${whyNone(event.outcome)}\n`);
      process.exitCode = runs.length === 0 ? 1 : 0;
      for (const run of runs) {
        if (!options.json && !options.watch) {
          process.stdout.write(`${shortId(run.runId)} ${run.recipe} ${run.version} ${statusWord(run.status)}\n`);
        }
        if (options.watch) {
          const { watchRun } = await import('../live/watch-run.ts');
          process.exitCode = Math.max(Number(process.exitCode), await watchRun(client, run.runId));
        }
      }
    });
}

/** What an order without a run came to, with what would help. */
function whyNone(outcome: string): string {
  const reason = outcome.replace(/^ignored: /, '');
  return reason.endsWith('is in the archive') ? `${reason}; --force builds it again` : reason;
}

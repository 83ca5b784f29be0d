import type { Overview } from '@kiln/protocol/api.ts';
import type { Command } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln status
  kiln status --json | jq .queueDepth
  KILN_URL=https://kiln.example.com KILN_TOKEN=… kiln status`;

/** `kiln status`: the farm at a glance. */
export function register(program: Command): void {
  withFarmOptions(program.command('status'))
    .description('Shows what the farm does now and whether all is well. Exit code 1 when something is not.')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: FarmOptions & { json?: boolean }) => {
      const { createClient } = await import('../client.ts');
      const client = await createClient(options);
      const overview = await client.get<Overview>('/api/overview');
      if (options.json) (await import('../output/words.ts')).printJson(overview);
      else process.stdout.write((await import('../output/overview.ts')).describeOverview(overview, client.url));
      process.exitCode = overview.problems.length > 0 ? 1 : 0;
    });
}

import type { DailyReport } from '@kiln/protocol/hosts.ts';
import { type Command, Option } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln report daily
  kiln report daily --since 7d
  kiln report daily --from metrics --json | jq '.units[] | select(.failures > 0)'`;

type DailyOptions = FarmOptions & { since: string; from: string; json?: boolean };

/** `kiln report`: what happened, summed up. */
export function register(program: Command): void {
  const report = program.command('report').description('Sums up what happened.').addHelpText('after', EXAMPLES);
  withFarmOptions(report.command('daily'))
    .description(
      'Tells which units of the hosts failed, restarted or went stale in the last 24 hours, and how many runs failed.',
    )
    .option('--since <time>', 'how far back: a duration such as 7d, or a time; 30 days at most', '24h')
    .addOption(
      new Option('--from <source>', 'kiln: its own history; metrics: the metrics store of metrics.url')
        .choices(['kiln', 'metrics'])
        .default('kiln'),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(daily);
}

async function daily({ since, from, json, ...farm }: DailyOptions): Promise<void> {
  const { createClient } = await import('../client.ts');
  const report = await (await createClient(farm)).get<DailyReport>('/api/report/daily', { since, from });
  if (json) return (await import('../output/words.ts')).printJson(report);
  process.stdout.write((await import('../output/daily-report.ts')).describeDailyReport(report));
}

import type { RunList, RunSummary } from '@kiln/protocol/api.ts';
import { RUN_STATUSES } from '@kiln/protocol/states.ts';
import { type Command, Option } from 'commander';
import { type FarmOptions, limitNumber, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln runs
  kiln runs --recipe hello --limit 5
  kiln runs --status failed --json | jq -r '.runs[].runId'`;

interface RunsOptions extends FarmOptions {
  recipe?: string;
  status?: string;
  limit: number;
  json?: boolean;
}

/** `kiln runs`: the newest runs. */
export function register(program: Command): void {
  withFarmOptions(program.command('runs'))
    .description('Lists the runs, newest first.')
    .option('--recipe <name>', 'only runs of this recipe')
    .addOption(new Option('--status <status>', 'only runs that are this').choices([...RUN_STATUSES]))
    .option('--limit <n>', 'at most this many, up to 200', limitNumber, 20)
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: RunsOptions) => {
      const { createClient } = await import('../client.ts');
      const client = await createClient(options);
      const { recipe, status, limit } = options;
      const list = await client.get<RunList>('/api/runs', { recipe, status, limit });
      if (options.json) (await import('../output/words.ts')).printJson(list);
      else await print(list.runs, list.total);
    });
}

async function print(runs: readonly RunSummary[], total: number): Promise<void> {
  const { table } = await import('../output/table.ts');
  const { elapsed, oneLine, paint, relativeTime, shortId, statusWord } = await import('../output/words.ts');
  const rows = runs.map((run) => [
    shortId(run.runId),
    run.recipe,
    run.version,
    statusWord(run.status),
    run.status === 'building' ? `${Math.floor(run.percent)} %` : '',
    relativeTime(run.createdAt),
    elapsed(run.startedAt, run.finishedAt),
    oneLine(run.retryAt ? `next try ${relativeTime(run.retryAt)}: ${run.text}` : run.text).slice(0, 80),
  ]);
  process.stdout.write(
    table(['RUN', 'RECIPE', 'VERSION', 'STATUS', '', 'CREATED', 'TOOK', ''], rows, 'There are no such runs.'),
  );
  if (total > runs.length) process.stdout.write(paint('gray', `${runs.length} of ${total}; --limit shows more\n`));
}

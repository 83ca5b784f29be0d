import type { Command } from 'commander';
import { dataDirectory } from '../farm/location.ts';

const EXAMPLES = `
Examples:
  kiln config check
  kiln config check /etc/kiln.yaml --json
  kiln config show
  KILN_LOG_LEVEL=debug kiln config show --json | jq '.settings[] | select(.source != "default")'`;

interface ConfigOptions {
  data?: string;
  config?: string;
  json?: boolean;
}

/** `kiln config`: what is set, and whether it is right. */
export function register(program: Command): void {
  const config = program
    .command('config')
    .description('Shows and checks the configuration: kiln.yaml, and the environment that goes over it.')
    .addHelpText('after', EXAMPLES);
  config
    .command('check')
    .description('Reads the configuration and lists every mistake with its file, line and remedy. Exit code 1 if any.')
    .argument('[file]', 'configuration file (default: kiln.yaml in the data directory)')
    .option('--data <dir>', 'data directory of the farm (default: KILN_DATA, else kiln-data in the checkout)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string | undefined, options: ConfigOptions) => {
      const reading = await read(options.data, file);
      const { printCheck } = await import('../output/problems.ts');
      const fine = reading.file ? `${reading.file} is fine.` : 'There is no kiln.yaml; the defaults are in use.';
      const { json = false } = options;
      printCheck(reading.problems, { json, fine, more: { file: reading.file } });
    });
  config
    .command('show')
    .description('Prints every setting as it is in use, and where it comes from. Passwords in addresses are masked.')
    .option('--config <file>', 'configuration file (default: kiln.yaml in the data directory)')
    .option('--data <dir>', 'data directory of the farm (default: KILN_DATA, else kiln-data in the checkout)')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ConfigOptions) => await show(options));
}

async function show(options: ConfigOptions): Promise<void> {
  const { file, settings, problems } = await read(options.data, options.config);
  const { formatProblem } = await import('@kiln/service/problem.ts');
  const { maskUrl } = await import('@kiln/service/mask.ts');
  const { paint, printJson } = await import('../output/words.ts');
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  if (problems.length > 0) process.exitCode = 1;
  const shown = settings.map((setting) => ({
    ...setting,
    value: typeof setting.value === 'string' ? maskUrl(setting.value) : setting.value,
  }));
  if (options.json) return printJson({ file, settings: shown });
  const { table } = await import('../output/table.ts');
  const rows = shown.map(({ key, value, source }) => [
    key,
    value === null ? paint('gray', 'not set') : JSON.stringify(value),
    source === 'default' ? paint('gray', source) : source,
  ]);
  process.stdout.write(table(['SETTING', 'VALUE', 'FROM'], rows, ''));
}

async function read(data: string | undefined, file: string | undefined) {
  const { readConfig } = await import('@kiln/service/config-read.ts');
  return await readConfig({ dataDir: dataDirectory(data), file, env: process.env });
}

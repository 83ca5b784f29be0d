import type { PackageList } from '@kiln/protocol/api.ts';
import type { Command } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln packages
  kiln packages --all
  kiln packages --json | jq -r '.packages[].files[].name'`;

interface PackagesOptions extends FarmOptions {
  all?: boolean;
  json?: boolean;
}

/** `kiln packages`: what was published. */
export function register(program: Command): void {
  withFarmOptions(program.command('packages'))
    .description('Lists the published packages, newest first.')
    .option('--all', 'also the versions that only the archive holds')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: PackagesOptions) => {
      const { createClient } = await import('../client.ts');
      const list = await (await createClient(options)).get<PackageList>('/api/packages');
      const packages = list.packages.filter((entry) => options.all || entry.active);
      const { byteSize, paint, printJson, relativeTime, shortId } = await import('../output/words.ts');
      if (options.json) return printJson({ packages });
      const { table } = await import('../output/table.ts');
      const rows = packages.map((entry) => [
        entry.package,
        entry.version,
        entry.repository,
        entry.active ? paint('green', 'active') : paint('gray', 'archived'),
        relativeTime(entry.publishedAt),
        shortId(entry.runId),
        entry.files.map((file) => `${file.name} (${byteSize(file.bytes)})`).join(', '),
      ]);
      const header = ['PACKAGE', 'VERSION', 'REPOSITORY', '', 'PUBLISHED', 'RUN', 'FILES'];
      process.stdout.write(table(header, rows, 'Nothing was published yet.'));
    });
}

import { VERSION } from '@kiln/service/version.ts';
import type { Command } from 'commander';

/** `kiln version`: the version of Kiln and of what it runs on. */
export function register(program: Command): void {
  program
    .command('version')
    .description('print the version')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExamples:\n  kiln version\n  kiln version --json')
    .action((options: { json?: boolean }) => {
      const versions = { kiln: VERSION, node: process.version, platform: `${process.platform}-${process.arch}` };
      process.stdout.write(
        options.json
          ? `${JSON.stringify(versions)}\n`
          : `kiln ${versions.kiln} (Node.js ${versions.node}, ${versions.platform})\n`,
      );
    });
}

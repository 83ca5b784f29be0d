import type { SignInLink } from '@kiln/protocol/api.ts';
import type { Command } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
The link signs one browser in, once, within ten minutes.

Examples:
  kiln sign-in
  xdg-open "$(kiln sign-in)"`;

/** `kiln sign-in`: a fresh link for a browser. */
export function register(program: Command): void {
  withFarmOptions(program.command('sign-in'))
    .description('Prints a link that signs a browser in.')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: FarmOptions & { json?: boolean }) => {
      const { createClient } = await import('../client.ts');
      const client = await createClient(options);
      const { url } = await client.post<SignInLink>('/api/sign-in-links');
      process.stdout.write(options.json ? `${JSON.stringify({ url })}\n` : `${url}\n`);
    });
}

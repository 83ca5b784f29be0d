import type { BuilderToken, BuilderTokenList } from '@kiln/protocol/vm-build.ts';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
A builder is a program that builds over HTTP; docs/builders.md says how. It shows its token, which is printed once.

Examples:
  kiln builder token builder-1
  KILN_BUILDER_TOKEN=$(kiln builder token builder-1) ./my-builder
  kiln builder list
  kiln builder revoke builder-1`;

type JsonOptions = FarmOptions & { json?: boolean };

/** `kiln builder`: the tokens of builders. */
export function register(program: Command): void {
  const builder = program
    .command('builder')
    .description('Makes, lists and ends the tokens of builders.')
    .addHelpText('after', EXAMPLES);
  withFarmOptions(builder.command('token'))
    .description('Makes the token of a builder and prints it; an earlier one ends.')
    .argument('<name>', 'name of the builder: letters, digits and . _ -')
    .option('--json', 'print JSON')
    .action(token);
  withFarmOptions(builder.command('list'))
    .description('Lists the builders that have a token.')
    .option('--json', 'print JSON')
    .action(list);
  withFarmOptions(builder.command('revoke'))
    .description('Ends the token of a builder at once.')
    .argument('<name>', 'name of the builder')
    .action(revoke);
}

async function token(name: string, { json, ...farm }: JsonOptions): Promise<void> {
  const client = await connect(farm);
  const made = await client.post<BuilderToken>('/api/builder-tokens', { name });
  if (json) return (await import('../output/words.ts')).printJson(made);
  process.stdout.write(`${made.token}\n`);
  if (made.replaced) process.stderr.write(`kiln: the earlier token of ${name} ended\n`);
}

async function list({ json, ...farm }: JsonOptions): Promise<void> {
  const client = await connect(farm);
  const { builders } = await client.get<BuilderTokenList>('/api/builder-tokens');
  const { printJson, relativeTime } = await import('../output/words.ts');
  if (json) return printJson({ builders });
  const { table } = await import('../output/table.ts');
  const rows = builders.map(({ name, createdAt }) => [name, relativeTime(createdAt)]);
  process.stdout.write(
    table(['BUILDER', 'TOKEN MADE'], rows, 'No builder has a token. Make one: kiln builder token NAME'),
  );
}

async function revoke(name: string, farm: FarmOptions): Promise<void> {
  const client = await connect(farm);
  await client.delete(`/api/builder-tokens/${encodeURIComponent(name)}`);
  process.stdout.write(`the token of ${name} ended\n`);
}

import type { HostTokenList, NewHostToken } from '@kiln/protocol/hosts.ts';
import type { Command } from 'commander';
import { connect } from '../connect.ts';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln host token web-1 > heartbeat-token
  kiln host token collector --any-host
  kiln host tokens
  kiln host revoke 0b5d6a52-7a30-4d3e-9f0c-2f4f3f0d7a11
  kiln host forget web-1`;

/** `kiln host`: what heartbeats push with, and hosts that are no more. */
export function register(program: Command): void {
  const host = program
    .command('host')
    .description('Makes and ends the tokens that heartbeats push with, and forgets hosts that are no more.')
    .addHelpText('after', EXAMPLES);
  withFarmOptions(host.command('token'))
    .description('Prints a new token that may push the metrics of one host, and nothing else. It is shown once.')
    .argument('<name>', 'name of the host, as its heartbeat says it')
    .option('--any-host', 'for a collector: the token may speak for any host, and the name is only a name')
    .option('--json', 'print JSON')
    .action(make);
  withFarmOptions(host.command('tokens'))
    .description('Lists the tokens that are valid.')
    .option('--json', 'print JSON')
    .action(list);
  withFarmOptions(host.command('revoke'))
    .description('Ends a token at once.')
    .argument('<tokenId>', 'id of the token, as the list shows it')
    .action(revoke);
  withFarmOptions(host.command('forget'))
    .description('Removes a host with its history. It comes back with its next heartbeat.')
    .argument('<host>', 'name of the host')
    .action(forget);
}

async function make(
  name: string,
  { anyHost, json, ...farm }: FarmOptions & { anyHost?: boolean; json?: boolean },
): Promise<void> {
  const client = await connect(farm);
  const made = await client.post<NewHostToken>('/api/host-tokens', { name, anyHost: anyHost === true });
  if (json) (await import('../output/words.ts')).printJson(made);
  else process.stdout.write(`${made.token}\n`);
}

async function list({ json, ...farm }: FarmOptions & { json?: boolean }): Promise<void> {
  const answer = await (await connect(farm)).get<HostTokenList>('/api/host-tokens');
  const { printJson, relativeTime } = await import('../output/words.ts');
  if (json) return printJson(answer);
  const { table } = await import('../output/table.ts');
  const rows = answer.tokens.map(({ tokenId, name, host, createdAt }) => [
    tokenId,
    name,
    host === null ? 'any host' : 'this host',
    relativeTime(createdAt),
  ]);
  process.stdout.write(
    table(['TOKEN', 'NAME', 'SPEAKS FOR', 'MADE'], rows, 'There are none. Make one: kiln host token <host>'),
  );
}

async function revoke(tokenId: string, farm: FarmOptions): Promise<void> {
  await (await connect(farm)).delete(`/api/host-tokens/${encodeURIComponent(tokenId)}`);
  process.stdout.write(`${tokenId} is revoked\n`);
}

async function forget(host: string, farm: FarmOptions): Promise<void> {
  await (await connect(farm)).delete(`/api/hosts/${encodeURIComponent(host)}`);
  process.stdout.write(`${host} is forgotten\n`);
}

import type { HostDetail, HostList, UnitRow } from '@kiln/protocol/hosts.ts';
import type { Command } from 'commander';
import { CliError } from '../errors.ts';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln units
  kiln units web-1
  kiln units --failed
  kiln units --json | jq -r '.hosts[].rows[] | select(.restarts24h > 3) | .unit'`;

/** More units of a host than this are not told of without its name. */
const ROWS = 500;

type UnitsOptions = FarmOptions & { failed?: boolean; json?: boolean };

/** `kiln units`: the systemd units of the hosts underneath. */
export function register(program: Command): void {
  withFarmOptions(program.command('units'))
    .description('Lists the systemd units that the hosts’ heartbeats tell of, those in trouble first.')
    .argument('[host]', 'only the units of this host')
    .option('--failed', 'only units in trouble; exit code 1 when there are any, or a host is silent')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(list);
}

async function list(name: string | undefined, options: UnitsOptions): Promise<void> {
  const { createClient } = await import('../client.ts');
  const { isTroubled, unitTable } = await import('../output/units.ts');
  const client = await createClient(options);
  const { hosts } = name
    ? { hosts: [await client.get<HostDetail>(`/api/hosts/${encodeURIComponent(name)}`)] }
    : await client.get<HostList>('/api/hosts', { rows: ROWS });
  const wanted = (row: UnitRow) => !options.failed || isTroubled(row);
  const shown = hosts.map((host) => ({ ...host, rows: host.rows.filter(wanted) }));
  if (options.failed && shown.some(({ rows, health }) => rows.length > 0 || health === 'silent')) process.exitCode = 1;
  if (options.json) return (await import('../output/words.ts')).printJson({ hosts: shown });
  if (shown.length === 0) {
    throw new CliError('no host has sent a heartbeat yet; docs/hosts.md says how to set one up');
  }
  process.stdout.write(shown.map((host) => unitTable(host, options.failed === true)).join('\n'));
}

import type { Command } from 'commander';

const EXAMPLES = `
The token is one of a service account of Grafana with the role Editor, alone in a file. Importing again replaces what was
imported before: same address, one more version in the dashboard's history.

Examples:
  kiln grafana import --url https://grafana.example.com --token-file /etc/kiln/grafana-token
  kiln grafana import --dry-run | jq '.[].title'`;

interface ImportOptions {
  url?: string;
  tokenFile?: string;
  folder: string;
  dryRun?: boolean;
  json?: boolean;
}

/** `kiln grafana`: the dashboards that come with Kiln. */
export function register(program: Command): void {
  const grafana = program
    .command('grafana')
    .description("Kiln's dashboards in Grafana.")
    .addHelpText('after', EXAMPLES);
  grafana
    .command('import')
    .description('Puts the dashboards of deploy/grafana into a folder of Grafana.')
    .option('--url <address>', 'address of Grafana, with its sub-path if it has one')
    .option('--token-file <file>', 'file with the token of a service account')
    .option('--folder <uid>', 'uid of the folder, which is made when there is none', 'kiln')
    .option('--dry-run', 'print the dashboards as JSON and send nothing')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: ImportOptions) => await importDashboards(options));
}

async function importDashboards({ url, tokenFile, folder, dryRun, json }: ImportOptions): Promise<void> {
  const { CliError } = await import('../errors.ts');
  const { readDashboards, SHIPPED_DASHBOARDS } = await import('../grafana/dashboards.ts');
  const { printJson } = await import('../output/words.ts');
  const dashboards = await readDashboards(SHIPPED_DASHBOARDS);
  if (dryRun) return printJson(dashboards);
  if (!url || !tokenFile)
    throw new CliError('name the Grafana with --url and --token-file, or try it with --dry-run', 2);
  if (!/^https?:\/\/[^/]/.test(url)) {
    throw new CliError(`"${url}" is not an address of a Grafana; write http://host:port or https://…`, 2);
  }
  const { GrafanaApi, readToken } = await import('../grafana/grafana-api.ts');
  const api = new GrafanaApi(url, await readToken(tokenFile));
  await api.ensureFolder(folder, 'Kiln');
  const imported = [];
  for (const dashboard of dashboards) imported.push(await api.putDashboard(dashboard, folder));
  if (json) return printJson(imported);
  for (const { title, url: address, version } of imported) {
    process.stdout.write(`✓ ${title}, version ${version}: ${address}\n`);
  }
}

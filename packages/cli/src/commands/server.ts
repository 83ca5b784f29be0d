import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Role } from '../server/server.ts';

const EXAMPLES = `
It needs a PostgreSQL 15 or later in KILN_DATABASE_URL or database.url; kiln up brings its own. SIGTERM stops it,
SIGHUP reads the recipes again.

Examples:
  kiln server --data /srv/kiln
  kiln server --roles platform         only webhooks, API and dashboard
  kiln server --roles orchestrator     only watching, queueing and publishing`;

/** `kiln server`: the platform and the orchestrator without an agent and without a PostgreSQL of their own. */
export function register(program: Command): void {
  program
    .command('server')
    .description('Runs the platform and the orchestrator, for a farm of several machines or behind kiln up.')
    .option('--data <dir>', 'folder of everything that Kiln keeps (default: KILN_DATA, else kiln-data in the checkout)')
    .option('--config <file>', 'configuration file (default: kiln.yaml in the data directory)')
    .option('--roles <list>', 'platform, orchestrator, or both with a comma', parseRoles, ['platform', 'orchestrator'])
    .option('--once', 'poll every recipe once, wait until all is built and published, then end')
    .addOption(new Option('--log-format <format>', 'of the log on stderr').choices(['json', 'logfmt', 'pretty']))
    .addOption(new Option('--log-level <level>', 'least level to log').choices(['debug', 'info', 'warn', 'error']))
    .addHelpText('after', EXAMPLES)
    .action(async (options) => {
      const { runServer } = await import('../server/run.ts');
      process.exitCode = await runServer(options);
    });
}

function parseRoles(text: string): Role[] {
  return text.split(',').map((role) => {
    if (role === 'platform' || role === 'orchestrator') return role;
    throw new InvalidArgumentError(`"${role}" is not a role; there are platform and orchestrator.`);
  });
}

import { type Command, Option } from 'commander';
import { portNumber } from '../options.ts';

const EXAMPLES = `
The first start makes a kiln.yaml and a small starter farm in the data directory. Ctrl-C or SIGTERM stops everything,
a second one hastens it; SIGHUP reads the recipes again.

Examples:
  kiln up                                 a farm in kiln-data, the dashboard on port 10142
  kiln up --data /srv/kiln --port 8000    another folder, another port
  kiln up --once                          look at every upstream once, build what is new, end
  kiln up --log-format logfmt 2>kiln.log  one key=value line for each event`;

/** `kiln up`: a whole farm on this machine. */
export function register(program: Command): void {
  program
    .command('up')
    .description(
      'Runs a whole farm on this machine: PostgreSQL, the platform with the dashboard, the orchestrator and an agent.',
    )
    .option('--data <dir>', 'folder of everything that Kiln keeps (default: KILN_DATA, else kiln-data in the checkout)')
    .option('--port <number>', 'port of the dashboard on 127.0.0.1', portNumber)
    .option('--config <file>', 'configuration file (default: kiln.yaml in the data directory)')
    .option('--once', 'poll every recipe once, build and publish what is new, then end; nothing listens')
    .addOption(new Option('--log-format <format>', 'of the log on stderr').choices(['json', 'logfmt', 'pretty']))
    .addOption(new Option('--log-level <level>', 'least level to log').choices(['debug', 'info', 'warn', 'error']))
    .option('--no-starter', 'begin with an empty farm')
    .addHelpText('after', EXAMPLES)
    .action(async (options) => {
      const { up } = await import('../up/up.ts');
      process.exitCode = await up(options);
    });
}

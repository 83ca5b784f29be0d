import { Command, CommanderError } from 'commander';
import { CATALOGUE } from './catalogue.ts';
import { CliError, messageOf } from './errors.ts';
import { attachToParent, isPart, tellParent } from './parent.ts';

const HELP = `
Every command has its own help, with examples: kiln <command> --help
Exit codes: 0 done, 1 it failed, 2 wrong usage.
Documentation: docs/start.md and docs/operate.md in the checkout.`;

// Whoever read our output is gone, as in `kiln runs | head`: end as quietly as other programs do.
process.stdout.on('error', () => process.exit(141));
process.exitCode = await main(process.argv.slice(2));

/** Runs one command line and returns the exit code. A command that keeps running returns when it is stopped. */
async function main(args: string[]): Promise<number> {
  const program = new Command('kiln')
    .description('A self-hosted build farm that you can see into.')
    .usage('<command> [options]')
    .helpCommand(false)
    .option('-V, --version', 'print the version')
    .addHelpText('after', HELP)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'kiln: ')) })
    .showSuggestionAfterError();
  const line = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
  const called = CATALOGUE.find((entry) => entry.name === line[0]);
  try {
    await attachToParent();
    if (called) (await called.load()).register(program);
    else listCommands(program);
    for (const command of program.commands) inheritSettings(command, program);
    if (!called && (line[0] === '--version' || line[0] === '-V')) return await version();
    if (line.length === 0) {
      program.outputHelp({ error: true });
      return 2;
    }
    await program.parseAsync(line, { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return await report(error);
  }
}

function listCommands(program: Command): void {
  for (const { name, summary, group } of CATALOGUE) program.command(name).description(summary).helpGroup(group);
}

/** Commands made elsewhere get the same manners: an exception instead of an exit, and the same words for errors. */
function inheritSettings(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent).helpCommand(false);
  for (const child of command.commands) inheritSettings(child, command);
}

async function version(): Promise<number> {
  const { VERSION } = await import('@kiln/service/version.ts');
  process.stdout.write(`${VERSION}\n`);
  return 0;
}

async function report(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (isPart()) {
    await tellParent({ type: 'failed', message: messageOf(error) });
    return 1;
  }
  process.stderr.write(`kiln: ${messageOf(error)}\n`);
  if (process.env.KILN_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  return error instanceof CliError ? error.exitCode : 1;
}

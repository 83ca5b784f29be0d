import { heartbeat } from '@kiln/heartbeat/heartbeat.ts';
import { HELP } from '@kiln/heartbeat/options.ts';
import type { Command } from 'commander';

/** `kiln heartbeat`: the program in packages/heartbeat, which runs without this one, and so has options and a help of its own. */
export function register(program: Command): void {
  const command = program
    .command('heartbeat')
    .argument('[options...]')
    .allowUnknownOption()
    .action(async (options: string[]) => {
      process.exitCode = await heartbeat(options, process.env);
    });
  command.helpInformation = () => HELP;
}

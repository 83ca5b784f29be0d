import { type Command, InvalidArgumentError } from 'commander';

/** Parses the value of --port. */
export function portNumber(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError('A port is a number from 0 to 65535.');
  return port;
}

/** Parses the value of --limit. */
export function limitNumber(text: string): number {
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > 200) throw new InvalidArgumentError('It is a number from 1 to 200.');
  return limit;
}

/** Which farm a command talks to. */
export interface FarmOptions {
  data?: string;
  url?: string;
}

/** Adds the options that every command that talks to a running farm has. */
export function withFarmOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'data directory of the farm (default: KILN_DATA, else kiln-data in the checkout)')
    .option(
      '--url <address>',
      'address of a farm on another machine (default: KILN_URL); its token is taken from KILN_TOKEN',
    );
}

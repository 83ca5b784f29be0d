/** What a step tells Kiln by printing a line that begins with `::kiln `. */
export type Command =
  | { name: 'progress'; percent: number; text: string }
  | { name: 'mask'; value: string }
  | { name: 'error' | 'warning'; text: string }
  | { name: 'unknown'; line: string };

const PREFIX = '::kiln ';
const NEWLINE = 10;

/** Whether a block of lines may hold a command; cheap enough for every block. */
export function mayHoldCommands(block: Buffer): boolean {
  return block.includes(PREFIX);
}

/** Calls `lines` for the ordinary lines of a block and `command` for each command, in order. */
export function separateCommands(
  block: Buffer,
  lines: (block: Buffer) => void,
  command: (command: Command) => void,
): void {
  let from = 0;
  for (let at = block.indexOf(PREFIX); at !== -1; at = block.indexOf(PREFIX, at)) {
    if (at > 0 && block[at - 1] !== NEWLINE) {
      at += PREFIX.length;
      continue;
    }
    const end = block.indexOf(NEWLINE, at) + 1 || block.length;
    if (at > from) lines(block.subarray(from, at));
    command(parseCommand(block.toString('utf8', at, end).replace(/\r?\n$/, '')));
    from = end;
    at = end;
  }
  if (from < block.length) lines(block.subarray(from));
}

function parseCommand(line: string): Command {
  const [, name, rest = ''] = /^::kiln (\S+)(?: (.*))?$/s.exec(line) ?? [];
  if (name === 'error' || name === 'warning') return { name, text: rest };
  if (name === 'mask') return { name, value: rest };
  const [, percent, text = ''] = /^(\d+(?:\.\d+)?)%?(?: (.*))?$/s.exec(rest.trim()) ?? [];
  if (name === 'progress' && percent !== undefined) return { name, percent: Math.min(100, Number(percent)), text };
  return { name: 'unknown', line };
}

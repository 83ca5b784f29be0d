import type { AgentList } from '@kiln/protocol/api.ts';
import type { Command } from 'commander';
import { type FarmOptions, withFarmOptions } from '../options.ts';

const EXAMPLES = `
Examples:
  kiln agents
  kiln agents --json | jq '.agents[] | select(.connected | not) | .name'`;

/** `kiln agents`: who can build. */
export function register(program: Command): void {
  withFarmOptions(program.command('agents'))
    .description('Lists the agents: where they are, what they can run and how busy they are.')
    .option('--json', 'print JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: FarmOptions & { json?: boolean }) => {
      const { createClient } = await import('../client.ts');
      const list = await (await createClient(options)).get<AgentList>('/api/agents');
      const { paint, printJson, relativeTime } = await import('../output/words.ts');
      if (options.json) return printJson(list);
      const { table } = await import('../output/table.ts');
      const rows = list.agents.map((agent) => [
        agent.name,
        agent.connected ? paint('green', '● connected') : paint('red', '○ away'),
        `${agent.busy}/${agent.slots}`,
        `${agent.os}/${agent.arch}`,
        agent.version,
        agent.connected ? `since ${relativeTime(agent.connectedAt)}` : `seen ${relativeTime(agent.lastSeenAt)}`,
        agent.labels.join(' '),
      ]);
      const header = ['AGENT', 'STATE', 'BUSY', 'SYSTEM', 'VERSION', '', 'LABELS'];
      process.stdout.write(table(header, rows, 'No agent has ever connected. Start one with: kiln agent'));
    });
}

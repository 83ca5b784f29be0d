import { createServer } from 'node:net';
import { parseAddress } from '@kiln/service/address.ts';
import type { Setting } from '@kiln/service/config-settings.ts';
import type { Logger } from '@kiln/service/log.ts';
import { CliError } from '../errors.ts';

/** Where the parts will listen, as variables for their environment: `host:port`, or empty for nowhere. */
export type PortEnvironment = Record<'KILN_HTTP_ADDR' | 'KILN_ORCHESTRATOR_ADDR' | 'KILN_AGENT_ADDR', string>;

/** For `--once`: nothing that others could reach is opened, only a port of the system's choice for the agent. */
export const PRIVATE_PORTS: PortEnvironment = {
  KILN_HTTP_ADDR: '',
  KILN_ORCHESTRATOR_ADDR: '127.0.0.1:0',
  KILN_AGENT_ADDR: '',
};

/**
 * Checks every port before anything is started. One that was asked for and is taken is an error that names it; where only
 * the default is taken, as by another farm on the machine, the system chooses another.
 */
export async function settlePorts(settings: readonly Setting[], log: Logger): Promise<PortEnvironment> {
  const find = (key: string) => settings.find((setting) => setting.key === key);
  return {
    KILN_HTTP_ADDR: await settle(find('http.addr'), log),
    KILN_ORCHESTRATOR_ADDR: await settle(find('orchestrator.addr'), log),
    KILN_AGENT_ADDR: await settle(find('agent.addr'), log),
  };
}

async function settle(setting: Setting | undefined, log: Logger): Promise<string> {
  const address = typeof setting?.value === 'string' ? setting.value : '';
  if (!setting || address === '') return '';
  const { host, port } = parseAddress(address);
  const problem = port === 0 ? null : await whyNot(host, port);
  if (problem === null) return address;
  if (setting.source === 'default') {
    log.info({ setting: setting.key, taken: address }, 'the default port is taken, choosing another');
    return `${host}:0`;
  }
  const remedy = setting.key === 'http.addr' ? 'choose another with --port N, or set' : 'set';
  throw new CliError(`${address} ${problem} (${setting.key}); ${remedy} ${setting.variable}`);
}

/** Why nobody can listen there; null when one can. */
async function whyNot(host: string, port: number): Promise<string | null> {
  return await new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve('is taken by another program');
      else if (error.code === 'EACCES') resolve('needs more rights than this user has');
      else resolve(`cannot be listened on: ${error.message}`);
    });
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(null)));
  });
}

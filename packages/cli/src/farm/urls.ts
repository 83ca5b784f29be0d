import { parseAddress } from '@kiln/service/address.ts';

/** Where a program on this machine reaches what listens at `address`; an address of every interface is reached by loopback. */
function reachable(address: string): string {
  const { host, port } = parseAddress(address);
  const near = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `${near.includes(':') ? `[${near}]` : near}:${port}`;
}

/** Address of the dashboard and the API, without a slash at the end; null where nothing listens. */
export function dashboardUrl(address: string | null, basePath: string): string | null {
  return address ? `http://${reachable(address)}${basePath}` : null;
}

/** Address that agents connect to. */
export function orchestratorUrl(address: string | null): string | null {
  return address ? `ws://${reachable(address)}` : null;
}

/** Address of an agent's own /health, /ready and /metrics; null where it has none. */
export function agentUrl(address: string | null): string | null {
  return address ? `http://${reachable(address)}` : null;
}

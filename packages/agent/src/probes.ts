import { createHttp, listenOn } from '@kiln/service/http.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { Metrics } from '@kiln/service/metrics.ts';
import { requireContract } from '@kiln/service/register-route.ts';

const DEFAULT_ADDRESS = '127.0.0.1:8080';

export interface ProbeState {
  agentId: string | null;
  connected: boolean;
  running: number;
}

/** The agent's own /health, /ready and /metrics. */
export interface Probes {
  /** Where they are, as host:port; null when they are nowhere. */
  address: string | null;
  close(): Promise<void>;
}

const NONE: Probes = { address: null, close: async () => {} };

/**
 * Listens on `addr`. Throws when the address is taken, unless it is the default one: an agent that nobody gave an address
 * works without, and says so.
 */
export async function startProbes(
  addr: string | null,
  { log, metrics, state }: { log: Logger; metrics: Metrics; state: () => ProbeState },
): Promise<Probes> {
  if (!addr) return NONE;
  const app = createHttp({
    log,
    metrics,
    health: () => {
      const { agentId, connected, running } = state();
      return { agentId, connected, running };
    },
    ready: async () => {
      const { connected } = state();
      return { ready: connected, reasons: connected ? [] : ['orchestrator_not_connected'] };
    },
  });
  requireContract(app, 'agent');
  try {
    const address = await listenOn(app, addr);
    return { address: address.replace(/^http:\/\//, ''), close: async () => await app.close() };
  } catch (error) {
    await app.close();
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    if (addr !== DEFAULT_ADDRESS) {
      throw new Error(
        `the agent can't listen on ${addr}: it is in use; set agent.addr to a free address, or to "" for none`,
      );
    }
    log.warn(
      { addr },
      'address of the agent is in use; it works without /health, /ready and /metrics. Set agent.addr to have them',
    );
    return NONE;
  }
}

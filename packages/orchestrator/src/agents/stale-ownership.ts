import { type AttemptReference, CLOSE } from '@kiln/protocol/agent-messages.ts';
import type { AgentGateway } from './agent-gateway.ts';
import type { Connection } from './connection.ts';

/** Looks in a row without an attempt until it counts as ended. The database names a new one after ten seconds, which is two looks. */
const MOST_MISSED = 4;

/** Ends what this orchestrator still believes to be its own: agents and attempts that another one has taken over or ended. */
export class StaleOwnership {
  readonly #gateway: Pick<AgentGateway, 'connections' | 'abandon'>;
  /** Looks in a row that did not find an attempt, by its id and fence. */
  #missed = new Map<string, number>();

  constructor(gateway: Pick<AgentGateway, 'connections' | 'abandon'>) {
    this.#gateway = gateway;
  }

  /**
   * Closes the connections of agents that are connected to another orchestrator by now. Such a socket may look open for a
   * while when the network failed, and every job that the agent were given over it would be lost. `here`: the agents that
   * are connected to this orchestrator by the database, of those that `connections` are of.
   */
  closeMoved(connections: readonly Connection[], here: ReadonlySet<string>): void {
    for (const connection of connections) {
      const { agentId } = connection;
      if (here.has(agentId) || this.#gateway.connections.get(agentId) !== connection) continue;
      connection.close(CLOSE.replaced, 'the agent connected to another orchestrator');
    }
  }

  /**
   * Stops the attempts that agents here work on although they were ended, by the leader for one. `held`: what agents here
   * hold by the database, but for the newest.
   */
  stopEnded(held: readonly AttemptReference[]): void {
    const known = new Set(held.map(nameOf));
    const missed = new Map<string, number>();
    for (const { agentId, held: believed } of this.#gateway.connections.values()) {
      for (const attempt of believed.values()) {
        const name = nameOf(attempt);
        if (known.has(name)) continue;
        const looks = (this.#missed.get(name) ?? 0) + 1;
        if (looks < MOST_MISSED) missed.set(name, looks);
        else this.#gateway.abandon(attempt, agentId);
      }
    }
    this.#missed = missed;
  }
}

function nameOf({ jobId, attempt, fence }: AttemptReference): string {
  return `${jobId}.${attempt}.${fence}`;
}

import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { seeAgents } from '@kiln/store/agents.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { cancellingAttempts, heldHere, overdueAttempts } from '@kiln/store/runs/held-attempts.ts';
import type { Leadership } from '../lead/leadership.ts';
import type { AgentGateway } from './agent-gateway.ts';
import { agentDisobeyed, agentLost, lastWords } from './lost.ts';
import { StaleOwnership } from './stale-ownership.ts';

const EVERY_MS = 5_000;

/**
 * Ends what would otherwise wait for ever: attempts of silent agents, attempts past their deadline, cancellations that
 * were not obeyed. Also passes cancellations on to the agents that are connected here, at once when the bus says so.
 */
export function startSweeper(context: FarmContext, gateway: AgentGateway, leadership: Leadership): void {
  const { db, bus, instance, lifecycle, log, config } = context;
  const since = new Date();
  const ownership = new StaleOwnership(gateway);

  lifecycle.loop(
    'cancellations',
    { everyMs: EVERY_MS, wake: (wakeUp) => bus.subscribe(SUBJECTS.cancel, wakeUp) },
    async () => {
      if (gateway.connections.size === 0) return;
      for (const { jobId, attempt, fence, agentId, cancelReason } of await cancellingAttempts(db, instance)) {
        gateway.connections
          .get(agentId)
          ?.send({ type: 'job.cancel', jobId, attempt, fence, reason: cancelReason ?? 'cancelled' });
      }
    },
  );

  lifecycle.loop('agents-seen', { everyMs: EVERY_MS }, async () => {
    for (const connection of gateway.connections.values()) connection.checkAlive();
    if (gateway.connections.size === 0) return;
    const connections = [...gateway.connections.values()];
    const ids = connections.map(({ agentId }) => agentId);
    ownership.closeMoved(connections, await seeAgents(db, ids, instance));
    const held = await heldHere(db, instance);
    ownership.stopEnded(held);
    // A claim whose commit succeeded although its answer was lost was never sent: nobody works on it.
    for (const attempt of held) {
      const connection = gateway.connections.get(attempt.agentId);
      if (connection && !connection.held.has(attempt.jobId))
        gateway.lose(attempt, agentLost(attempt.agentName, 'was never told about this job'));
    }
  });

  lifecycle.loop('overdue', { everyMs: EVERY_MS }, async () => {
    if (!leadership.isLeader()) return;
    for (const attempt of await overdueAttempts(db, since, config.orchestrator.lostAgentGraceMs)) {
      log.warn(
        {
          jobId: attempt.jobId,
          runId: attempt.runId,
          attempt: attempt.attempt,
          agentId: attempt.agentId,
          reason: attempt.reason,
        },
        'attempt ended by force',
      );
      if (attempt.reason === 'lost') {
        gateway.lose(attempt, agentLost(attempt.agentName ?? 'unknown', 'stopped answering'));
      } else {
        const failure = agentDisobeyed(attempt.agentName ?? 'unknown', attempt.reason);
        const said = { progress: null, lastSequence: 0, lastWords: lastWords(failure) };
        gateway.committer.finish({ ...attempt, outcome: 'failed', failure, requeueBelow: 0, ...said });
      }
      gateway.abandon({ jobId: attempt.jobId, attempt: attempt.attempt, fence: attempt.fence }, attempt.agentId);
    }
  });
}

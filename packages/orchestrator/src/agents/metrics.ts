import { JOB_STATUSES } from '@kiln/protocol/states.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { Batch } from '../commit/batch.ts';
import type { Committed } from '../commit/commit-batch.ts';
import type { AgentGateway } from './agent-gateway.ts';
import { mergePushes } from './pushed-metrics.ts';

/** The orchestrator's own metrics; returns what counts the batches. Nothing in them grows with the number of runs. */
export function registerMetrics(
  { db, metrics }: FarmContext,
  gateway: () => AgentGateway,
): (batch: Batch, result: Committed) => void {
  metrics.gauge('agents_connected', 'Agents connected to this orchestrator', [], (gauge) =>
    gauge.set(gateway().connections.size),
  );
  metrics.gauge('agent_slots', 'Slots of the agents connected to this orchestrator, by state', ['state'], (gauge) => {
    const all = [...gateway().connections.values()];
    const busy = all.reduce((sum, connection) => sum + connection.held.size, 0);
    gauge.set({ state: 'busy' }, busy);
    gauge.set({ state: 'free' }, all.reduce((sum, connection) => sum + connection.hello.slots, 0) - busy);
  });
  metrics.gauge('jobs', 'Jobs that are not finished, by status', ['status'], async (gauge) => {
    const rows = await db<{ status: string; n: number }[]>`
      SELECT status, count(*) AS n FROM jobs WHERE status IN ('queued', 'started', 'building', 'cancelling') GROUP BY 1`;
    for (const status of JOB_STATUSES.slice(0, 4))
      gauge.set({ status }, rows.find((row) => row.status === status)?.n ?? 0);
  });
  const jobs = metrics.counter('jobs_finished_total', 'Attempts that ended, by what became of the job', ['status']);
  const lines = metrics.counter('log_lines_total', 'Log lines committed');
  const bytes = metrics.counter('log_frame_bytes_total', 'Bytes of log frames committed, compressed');
  const commits = metrics.counter('turns_total', 'Transactions of the dispatch loop');
  return (batch, result) => {
    commits.inc();
    for (const job of result.finished) jobs.inc({ status: job.status });
    for (const frame of batch.frames) {
      lines.inc(frame.lines);
      bytes.inc(frame.data.length);
    }
  };
}

/** The metrics that agents pushed, each series with the agent's id, family by family; gone when the agent leaves. */
export function agentMetrics(gateway: AgentGateway): string {
  return mergePushes(
    [...gateway.connections.values()].map(({ agentId, metricsText }) => ({ agentId, text: metricsText })),
  );
}

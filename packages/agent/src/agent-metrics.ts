import type { Metrics } from '@kiln/service/metrics.ts';

/** What the agent counts. Names get the prefix kiln_agent_. */
export interface AgentMetrics {
  jobStarted(): void;
  jobEnded(outcome: 'completed' | 'failed' | 'cancelled' | 'stopped', seconds: number): void;
  frame(lines: number, bytes: number): void;
  artifact(bytes: number): void;
  connected(): void;
}

const SECONDS = [0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14_400];

/** Registers the agent's metrics; `state` is asked at each scrape. */
export function createAgentMetrics(
  metrics: Metrics,
  state: () => { connected: boolean; slots: number; running: number; spooledBytes: number },
): AgentMetrics {
  metrics.gauge('connected', 'Whether the agent is connected to an orchestrator', [], (gauge) =>
    gauge.set(state().connected ? 1 : 0),
  );
  metrics.gauge('slots', 'Jobs that the agent runs at once', [], (gauge) => gauge.set(state().slots));
  metrics.gauge('jobs_running', 'Jobs that the agent runs now', [], (gauge) => gauge.set(state().running));
  metrics.gauge('log_spooled_bytes', 'Bytes of log on disk, waiting for the orchestrator', [], (gauge) =>
    gauge.set(state().spooledBytes),
  );
  const connections = metrics.counter('connections_total', 'Times that an orchestrator welcomed the agent');
  const jobs = metrics.counter('jobs_total', 'Jobs that ended, by outcome', ['outcome']);
  const started = metrics.counter('jobs_started_total', 'Jobs that were begun');
  const duration = metrics.histogram('job_duration_seconds', 'How long jobs took on this agent', SECONDS);
  const frames = metrics.counter('log_frames_total', 'Frames of log that were cut');
  const lines = metrics.counter('log_lines_total', 'Lines of log');
  const bytes = metrics.counter('log_bytes_total', 'Bytes of log text');
  const artifacts = metrics.counter('artifact_bytes_total', 'Bytes of artifacts that were uploaded');
  for (const outcome of ['completed', 'failed', 'cancelled', 'stopped'] as const) jobs.inc({ outcome }, 0);
  return {
    jobStarted: () => started.inc(),
    jobEnded: (outcome, seconds) => {
      jobs.inc({ outcome });
      duration.observe(seconds);
    },
    frame: (lineCount, byteCount) => {
      frames.inc();
      lines.inc(lineCount);
      bytes.inc(byteCount);
    },
    artifact: (byteCount) => artifacts.inc(byteCount),
    connected: () => connections.inc(),
  };
}

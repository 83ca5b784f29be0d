import { mkdir } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { ResolvedConfig } from '@kiln/service/config.ts';
import type { Lifecycle } from '@kiln/service/lifecycle.ts';
import type { Logger } from '@kiln/service/log.ts';
import type { Metrics } from '@kiln/service/metrics.ts';
import { createAgentMetrics } from './agent-metrics.ts';
import { Attempts } from './attempts.ts';
import { Host } from './figures.ts';
import { ForwardedLog } from './forwarded-log.ts';
import { helloOf } from './hello.ts';
import { writeGitConfig } from './job/git.ts';
import { Trash } from './job/trash.ts';
import { Uploader } from './job/uploader.ts';
import { Workspaces } from './job/workspaces.ts';
import { clearLeftovers } from './leftovers.ts';
import { Connection, httpAddress } from './link/connection.ts';
import type { Uplink } from './link/uplink.ts';
import { startProbes } from './probes.ts';
import { Launcher } from './process/launcher.ts';
import { PipePool } from './process/pipe-pool.ts';
import type { ServiceLog } from './service-log.ts';

const METRICS_EVERY_MS = 30_000;
/** Between SIGTERM and SIGKILL for the processes of a job. */
const KILL_GRACE_MS = 5000;
/** How long a stop waits for results to be acknowledged. */
const RESULTS_MS = 2000;

export interface AgentOptions {
  config: ResolvedConfig;
  log: Logger;
  lifecycle: Lifecycle;
  metrics: Metrics;
  /** Folder of the agent's own: identity, workspaces, spooled logs. Only one agent may use it: see takeDataDirectory. */
  stateDir: string;
  /** For enrolment, or a function that finds it; asked each time that it is needed. */
  joinToken?: string | (() => Promise<string>);
  /** Whether the agent's service log goes to the orchestrator too. Default true. */
  forwardLog?: boolean;
  /** Milliseconds between SIGTERM and SIGKILL for the processes of a job. Default 5000. */
  killGraceMs?: number;
}

export interface Agent {
  /** Its present identity. */
  readonly agentId: string;
  /** Settles when an orchestrator welcomed it for the first time. */
  readonly connected: Promise<void>;
  /** Address of its probes as host:port, or null. */
  readonly address: string | null;
  /** Ends its jobs, which the next start reports as lost, and leaves. */
  stop(): Promise<void>;
}

/**
 * Runs an agent: it enrols, connects, runs the jobs that it is given, and keeps at it until it is stopped. Settles when
 * it has an identity. Throws when the probes' address is taken or the system can't make pipes.
 */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const open = new AsyncDisposableStack();
  let stopped: Promise<void> | null = null;
  const stop = async () => {
    stopped ??= open.disposeAsync();
    await stopped;
  };
  try {
    const { connection, probes, connected } = await assemble(options, open);
    options.lifecycle.onStop('agent', stop);
    const identity = await connection.identified;
    return {
      get agentId() {
        return connection.identity?.agentId ?? identity.agentId;
      },
      connected,
      address: probes.address,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Puts the parts together; what has to be closed goes onto `open`, to be closed in the opposite order. */
async function assemble(options: AgentOptions, open: AsyncDisposableStack) {
  const { config, metrics, stateDir } = options;
  const { name, slots, labels, spoolLimit, addr } = config.agent;
  let connection: Connection | null = null;
  const uplink: Uplink = {
    send: (message) => connection?.send(message) ?? false,
    sendFrame: (frame) => connection?.sendFrame(frame) ?? false,
  };
  const forwarded =
    options.forwardLog === false ? null : new ForwardedLog(options.log, name, (line) => uplink.send(line));
  const log: ServiceLog = forwarded ?? options.log;

  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const trash = new Trash(log);
  const jobsDir = join(stateDir, 'jobs');
  const leftovers = await clearLeftovers(jobsDir, trash, log);
  const pipes = new PipePool(join(stateDir, 'pipes'));
  await Promise.all([pipes.open(), writeGitConfig(stateDir)]);
  open.defer(async () => await pipes.close());
  const launcher = new Launcher();
  open.defer(() => launcher.close());
  const state = () => ({
    agentId: connection?.identity?.agentId ?? null,
    connected: connection?.isConnected ?? false,
    slots,
    running: attempts.running,
    spooledBytes: attempts.spooledBytes,
  });
  const agentMetrics = createAgentMetrics(metrics, state);
  const uploader = new Uploader(
    () => httpAddress(orchestratorAddress(config)),
    () => connection?.identity?.token ?? '',
    agentMetrics.artifact,
  );
  open.defer(() => uploader.close());
  const attempts = new Attempts(slots, {
    agentName: name,
    stateDir,
    spoolLimit,
    killGraceMs: options.killGraceMs ?? KILL_GRACE_MS,
    log,
    metrics: agentMetrics,
    uplink,
    launcher,
    pipes,
    uploader,
    workspaces: new Workspaces(jobsDir, trash, log),
  });
  const probes = await startProbes(addr, { log: options.log, metrics, state });
  open.defer(async () => await probes.close());

  const connected = Promise.withResolvers<void>();
  let pushMetrics = () => {};
  const link = new Connection({
    orchestrator: orchestratorAddress(config),
    name,
    stateDir,
    joinToken: async () => await joinToken(options),
    log,
    hello: () => helloOf({ name, slots, labels }, attempts.references(), [...leftovers.lost]),
    welcomed: (welcome) => {
      const { agentId, orchestrator, adopted } = welcome;
      agentMetrics.connected();
      log.info({ agentId, orchestrator, adopted: adopted.length }, 'agent connected');
      leftovers.forget();
      attempts.welcomed(welcome);
      forwarded?.flush();
      pushMetrics();
      connected.resolve();
    },
    message: (message) => attempts.obey(message),
  });
  connection = link;
  open.defer(async () => await link.close());
  open.defer(async () => await attempts.close(() => link.isConnected, RESULTS_MS));

  const host = new Host();
  const wake = (ring: () => void) => {
    pushMetrics = ring;
    return () => {};
  };
  options.lifecycle.loop('push metrics', { everyMs: METRICS_EVERY_MS, wake }, async () => {
    if (!link.isConnected) return;
    uplink.send({ type: 'metrics', text: await metrics.registry.metrics(), ...(await host.figures()) });
  });
  return { connection: link, probes, connected: connected.promise };
}

/** Where the orchestrator is: as configured, else this machine's own. Throws a TypeError for what is no address. */
export function orchestratorAddress(config: ResolvedConfig): URL {
  const given =
    config.agent.orchestrator ?? `ws://${config.orchestrator.addr.replace(/^(?:0\.0\.0\.0|\[::\])/, '127.0.0.1')}`;
  const url = URL.canParse(given) ? new URL(given) : null;
  if (!url || !['ws:', 'wss:', 'http:', 'https:'].includes(url.protocol)) {
    throw new TypeError(`agent.orchestrator is "${given}"; write ws://host:port or wss://host:port`);
  }
  if (url.protocol.startsWith('http')) url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url;
}

async function joinToken({ joinToken: given, config }: AgentOptions): Promise<string> {
  const token = typeof given === 'function' ? await given() : given;
  if (token?.trim()) return token;
  throw new Error(
    `agent ${config.agent.name} on ${hostname()} has no identity yet and no join token; give it --join-token-file with the farm's join-token`,
  );
}

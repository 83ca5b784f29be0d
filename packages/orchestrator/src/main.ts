import websocket from '@fastify/websocket';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { createHttp, listenOn } from '@kiln/service/http.ts';
import { registerRoute, requireContract } from '@kiln/service/register-route.ts';
import { endBrokenSocket } from '@kiln/service/socket-error.ts';
import { VERSION } from '@kiln/service/version.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { AgentGateway } from './agents/agent-gateway.ts';
import { agentMetrics, registerMetrics } from './agents/metrics.ts';
import { authenticateAgents, registerAgentRoutes } from './agents/routes.ts';
import { startSweeper } from './agents/sweeper.ts';
import { startForgeReports } from './forge/reports.ts';
import { startLeadership } from './lead/leadership.ts';
import { registerArtifactRoutes } from './publish/staging.ts';
import { Roster } from './recipes/roster.ts';
import { startRetention } from './retain/retention.ts';
import { startRouting } from './route/routing.ts';
import { untilIdle } from './runs/idle.ts';
import { startPublisher } from './runs/publisher.ts';
import { startRetries } from './runs/retries.ts';
import { startSchedules } from './schedule/schedules.ts';
import { pollOnce, startWatching } from './watch/watching.ts';

export interface Orchestrator {
  /** host:port where agents connect; the real port when 0 was asked for. */
  address: string;
  /** Reads the recipes again, where this orchestrator leads. A bad roster keeps the old one. */
  reload(): Promise<void>;
  /** For `--once`: looks at every upstream once and settles when all that follows is finished. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

/** How often an orchestrator looks for claimable jobs when nobody tells it. */
const QUEUE_SCAN_MS = 5_000;
/** Largest message of an agent in bytes. */
const LARGEST_MESSAGE = 4 * 1024 * 1024;

/**
 * The tier that decides: watches, routes events, queues, dispatches, publishes. In mode `once` nothing is watched by the
 * clock; `sweep` does one round.
 */
export async function startOrchestrator(
  context: FarmContext,
  options: { mode: 'daemon' | 'once' },
): Promise<Orchestrator> {
  const { config, db, bus, log, lifecycle, metrics } = context;
  const leadership = await startLeadership(context);
  const roster = new Roster(config.recipesDir, context, leadership);
  await roster.load();
  roster.watch(lifecycle);
  const count = registerMetrics(context, () => gateway);
  const gateway: AgentGateway = new AgentGateway(context, () => roster.all(), count);

  const app = createHttp({
    log,
    health: () => ({ service: 'orchestrator', version: VERSION }),
    ready: async () => await ready(context),
  });
  requireContract(app, 'orchestrator');
  registerRoute(app, 'GET /metrics', async (_request, reply) => {
    return await reply
      .header('content-type', metrics.registry.contentType)
      .send((await metrics.registry.metrics()) + agentMetrics(gateway));
  });
  await app.register(websocket, {
    options: { maxPayload: LARGEST_MESSAGE, perMessageDeflate: false },
    errorHandler: endBrokenSocket,
  });
  await authenticateAgents(app, context);
  registerAgentRoutes(app, context, gateway);
  registerArtifactRoutes(app, { db, blobs: context.blobs });
  const address = await listenOn(app, config.orchestrator.addr);
  lifecycle.onStop('agents', async () => {
    await gateway.stop();
    await app.close();
  });

  gateway.committer.start();
  startRouting(context, roster, { isLeader: leadership.isLeader });
  startPublisher(context, () => roster.all());
  startRetries(context);
  startSweeper(context, gateway, leadership);
  startRetention(context, leadership);
  const forgeReports = startForgeReports(context);
  if (options.mode === 'daemon') {
    await startWatching(context, roster);
    await startSchedules(context, roster);
  }
  lifecycle.loop(
    'queue',
    { everyMs: QUEUE_SCAN_MS, wake: (wakeUp) => bus.subscribe(SUBJECTS.queue, wakeUp) },
    async () => {
      gateway.committer.wake();
      // Told as a failure of this loop, which readiness looks at.
      if (gateway.committer.trouble) throw new Error(`what agents say can't be stored: ${gateway.committer.trouble}`);
    },
  );

  log.info({ addr: address }, 'listening for agents');
  return {
    address,
    reload: async () => void (await roster.reload()),
    async sweep() {
      await pollOnce(context, roster);
      await untilIdle(context);
      await forgeReports.flush();
    },
    stop: async () => await lifecycle.stop(),
  };
}

async function ready({ db, lifecycle }: FarmContext): Promise<{ ready: boolean; reasons: string[] }> {
  const reasons = lifecycle.signal.aborted ? ['stopping'] : [];
  try {
    await db`SELECT 1`;
  } catch (error) {
    reasons.push(`database: ${error instanceof Error ? error.message : String(error)}`);
  }
  return { ready: reasons.length === 0, reasons };
}

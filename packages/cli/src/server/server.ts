import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { startOrchestrator } from '@kiln/orchestrator/main.ts';
import { startPlatform } from '@kiln/platform/main.ts';
import type { ResolvedConfig } from '@kiln/service/config.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger, type Logger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { startTracing } from '@kiln/service/tracing.ts';
import { openBlobs } from '@kiln/store/blobs/open.ts';
import { LocalBus } from '@kiln/store/bus/local-bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { createSignInLink } from '@kiln/store/credentials.ts';
import { openDatabase } from '@kiln/store/database.ts';
import { LogStore } from '@kiln/store/logs/log-store.ts';
import { ensureAdminToken, ensureJoinToken, watchTokenFiles } from '@kiln/store/token-files.ts';
import { CliError } from '../errors.ts';
import { CHECKOUT } from '../farm/location.ts';
import { logOutput } from '../log-output.ts';
import { openSchema } from './open-schema.ts';

export type Role = 'platform' | 'orchestrator';

/** A started server process. Addresses are host:port, null where nothing listens. */
export interface Server {
  http: string | null;
  orchestrator: string | null;
  /** Path with a code that signs one browser in, null without a platform. */
  signIn: string | null;
  log: Logger;
  reload(): Promise<void>;
  /** For `--once`: looks at every upstream once and settles when all that follows is finished. */
  sweep(): Promise<void>;
  stop(): Promise<void>;
}

/** What the roles of this process share, and the loggers that differ by role. */
export interface ServerOptions {
  config: ResolvedConfig;
  roles: readonly Role[];
  once: boolean;
}

/** Starts the platform and the orchestrator, or one of them, in this process. Throws what keeps it from starting. */
export async function startServer({ config, roles, once }: ServerOptions): Promise<Server> {
  const instance = `${hostname()}-${randomBytes(3).toString('hex')}`;
  // Without a reader of its log it ends like any program that writes into a closed pipe; a killed server loses nothing.
  const destination = logOutput(() => process.exit(1));
  const loggerOf = (service: string) => createLogger({ ...config.log, service, instance, destination });
  const logs = { platform: loggerOf('platform'), orchestrator: loggerOf('orchestrator') };
  const log = roles.includes('orchestrator') ? logs.orchestrator : logs.platform;
  log.info({ farm_id: config.farmId, mode: once ? 'once' : 'daemon' }, 'kiln starting');
  if (!config.database.url) {
    throw new CliError('kiln server needs a PostgreSQL: set KILN_DATABASE_URL or database.url; kiln up brings its own');
  }
  const lifecycle = new Lifecycle(log);
  try {
    const tracing = await startTracing({ service: 'kiln', instance, endpoint: config.telemetry.otlpEndpoint, log });
    lifecycle.onStop('tracing', tracing.shutdown);
    const db = openDatabase(config.database.url, { name: `kiln ${instance}` });
    lifecycle.onStop('database', async () => await db.end({ timeout: 5 }));
    await openSchema(db, log);
    await ensureAdminToken({ config, db, log });
    await ensureJoinToken({ config, db, log });
    const bus = new LocalBus(log);
    lifecycle.onStop('bus', async () => await bus.close());
    const blobs = await openBlobs(config);
    const shared = { config, db, bus, blobs, logs: new LogStore({ db, blobs }), lifecycle, instance };
    const contextOf = (service: Role): FarmContext => ({
      ...shared,
      service,
      log: logs[service],
      metrics: createMetrics(service === 'platform' ? 'kiln_' : 'kiln_orch_'),
    });
    const orchestrator = roles.includes('orchestrator')
      ? await startOrchestrator(contextOf('orchestrator'), { mode: once ? 'once' : 'daemon' })
      : null;
    const wantsPlatform = roles.includes('platform') && !once && config.http.addr !== null;
    // The platform watches the token files itself.
    if (!wantsPlatform) watchTokenFiles(contextOf('orchestrator'));
    const platform = wantsPlatform
      ? await startPlatform(contextOf('platform'), { webRoot: join(CHECKOUT, 'packages', 'web', 'dist') })
      : null;
    return {
      http: platform?.address ?? null,
      orchestrator: orchestrator?.address ?? null,
      signIn: platform ? `/sign-in?code=${await createSignInLink(db)}` : null,
      log,
      reload: async () => await orchestrator?.reload(),
      sweep: async () => await orchestrator?.sweep(),
      stop: async () => await lifecycle.stop(),
    };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

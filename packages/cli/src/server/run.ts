import { loadConfig } from '@kiln/service/config.ts';
import type { Logger } from '@kiln/service/log.ts';
import { dataDirectory } from '../farm/location.ts';
import { reportFatal } from '../fatal.ts';
import { isOrphan, isPart, tellParent } from '../parent.ts';
import { announce } from './announce.ts';
import { stopOrphanedPostgres } from './orphaned-postgres.ts';
import { type Role, type Server, startServer } from './server.ts';

/** The options of `kiln server`, as commander gives them. */
export interface ServerRunOptions {
  data?: string;
  config?: string;
  roles: Role[];
  once?: boolean;
  logLevel?: string;
  logFormat?: string;
}

/** A stop that takes longer than this is cut off, in milliseconds. */
const STOP_LIMIT_MS = 14_000;

/** `kiln server` from start to end. Returns the exit code; throws to the supervisor what kept a part of it from starting. */
export async function runServer(options: ServerRunOptions): Promise<number> {
  let server: Server | null = null;
  let withdraw = async () => {};
  let log: Logger | null = null;
  let failing = false;
  const fail = (error: unknown) => {
    if (failing) return;
    failing = true;
    reportFatal(error, log, { ...options, service: 'server' });
    // What is under way is as well off as after a kill -9; closing properly is a courtesy with a limit.
    setTimeout(() => process.exit(1), 2000).unref();
    void (server?.stop() ?? Promise.resolve()).finally(() => process.exit(1));
  };
  const asked = signalled('SIGTERM', 'SIGINT');
  try {
    const overrides = { 'log.level': options.logLevel, 'log.format': options.logFormat };
    const config = await loadConfig({
      dataDir: dataDirectory(options.data),
      env: process.env,
      file: options.config,
      overrides,
    });
    const starting = startServer({ config, roles: options.roles, once: options.once === true });
    const started = await Promise.race([starting, asked]);
    // Asked to stop in the middle of the start, such as while waiting for PostgreSQL: nothing here needs a goodbye.
    if (!started) process.exit(0);
    server = started;
    log = started.log;
    if (!isPart()) withdraw = await announce(config, started);
  } catch (error) {
    if (isPart()) throw error;
    reportFatal(error, log, { ...options, service: 'server' });
    return 1;
  }
  process.on('uncaughtException', fail);
  const code = await serve(server, { once: options.once === true, dataDir: dataDirectory(options.data) }, asked, fail);
  await withdraw();
  return code;
}

async function serve(
  server: Server,
  { once, dataDir }: { once: boolean; dataDir: string },
  asked: Promise<void>,
  fail: (error: unknown) => void,
): Promise<number> {
  const { http, orchestrator, signIn } = server;
  process.on('SIGHUP', () => void server.reload().catch(fail));
  await tellParent({ type: 'ready', addresses: { http, orchestrator, signIn } });
  await (once ? Promise.race([server.sweep(), asked]) : asked);
  setTimeout(() => process.exit(1), STOP_LIMIT_MS).unref();
  await server.stop();
  if (isOrphan()) await stopOrphanedPostgres(dataDir);
  return 0;
}

async function signalled(...signals: NodeJS.Signals[]): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of signals) process.on(signal, () => resolve());
  });
}

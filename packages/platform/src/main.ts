import { parseAddress } from '@kiln/service/http.ts';
import { sweepBatches } from '@kiln/store/builders/append-logs.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { sweepCredentials } from '@kiln/store/credentials.ts';
import { sweepHosts } from '@kiln/store/hosts/sweep.ts';
import { watchTokenFiles } from '@kiln/store/token-files.ts';
import type { FastifyInstance } from 'fastify';
import { BuildStreams } from './builder-api/build-streams.ts';
import { LiveServer } from './live/live-server.ts';
import { Readiness } from './probes/readiness.ts';
import { createServer } from './server.ts';

export interface Platform {
  /** host:port where it listens; the real port when 0 was asked for. */
  address: string;
  /** Closes the server; open live sockets are told to connect again. */
  stop(): Promise<void>;
}

const HOUR_MS = 3_600_000;

/**
 * The tier that people and forges talk to: webhooks, API, sign-in, live sockets, the dashboard and the repositories.
 * `webRoot` is the folder of the built dashboard. Throws when `http.addr` is not set or can't be listened on.
 */
export async function startPlatform(context: FarmContext, options: { webRoot: string }): Promise<Platform> {
  const { config, log, db, lifecycle } = context;
  if (config.http.addr === null) throw new Error('http.addr is not set: there is no platform to start');
  const { host, port } = parseAddress(config.http.addr);
  const readiness = new Readiness(context);
  const live = new LiveServer(context);
  const builds = new BuildStreams(context, live);
  const app = await createServer(context, { live, builds, readiness, webRoot: options.webRoot });
  await app.listen({ host, port });
  lifecycle.onStop('http', async () => await app.close());
  watchTokenFiles(context);
  lifecycle.loop('ended credentials', { everyMs: HOUR_MS }, async () => {
    await sweepCredentials(db);
  });
  lifecycle.loop('old batches of builders', { everyMs: HOUR_MS }, async () => {
    await sweepBatches(db);
  });
  lifecycle.loop('old history of hosts', { everyMs: HOUR_MS }, async () => {
    await sweepHosts(db);
  });
  readiness.started = true;
  const address = boundAddress(app) ?? config.http.addr;
  log.info({ addr: address }, 'webhook server listening');
  return { address, stop: async () => await app.close() };
}

function boundAddress(app: FastifyInstance): string | null {
  const [bound] = app.addresses();
  if (bound === undefined || typeof bound === 'string') return bound ?? null;
  return `${bound.family === 'IPv6' ? `[${bound.address}]` : bound.address}:${bound.port}`;
}

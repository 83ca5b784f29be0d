import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@kiln/service/config.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { openBlobs } from '@kiln/store/blobs/open.ts';
import { LocalBus } from '@kiln/store/bus/local-bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import type { Database } from '@kiln/store/database.ts';
import { LogStore } from '@kiln/store/logs/log-store.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { ensureAdminToken } from '@kiln/store/token-files.ts';
import { startPlatform } from './main.ts';

/** One line of the service log. */
export type LogRecord = { level: string; msg: string } & Record<string, unknown>;

export interface TestPlatform {
  /** http://127.0.0.1:port */
  url: string;
  db: Database;
  bus: LocalBus;
  context: FarmContext;
  dataDir: string;
  webRoot: string;
  adminToken: string;
  /** What was logged so far. */
  logged: LogRecord[];
  /** Asks as the admin. `body` goes as JSON. */
  ask(path: string, options?: { method?: string; body?: unknown; headers?: Record<string, string> }): Promise<Response>;
  /** Asks as the admin for JSON, which must be the answer. */
  json<T>(path: string): Promise<T>;
  stop(): Promise<void>;
}

type Overrides = Record<string, string | number | boolean>;

/** A real platform on a free port with a database, a data directory and a built dashboard of its own. */
export async function testPlatform(overrides: Overrides = {}): Promise<TestPlatform> {
  const { db, drop } = await testDatabase();
  const platform = await startTestPlatform(db, overrides);
  return {
    ...platform,
    async stop() {
      await platform.stop();
      await drop();
    },
  };
}

/** The same on a database of the caller's. */
export async function startTestPlatform(db: Database, overrides: Overrides = {}): Promise<TestPlatform> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kiln-platform-'));
  const webRoot = join(dataDir, 'web');
  await mkdir(join(webRoot, 'assets'), { recursive: true });
  await writeFile(
    join(webRoot, 'index.html'),
    '<!doctype html><html><head><title>Kiln</title></head><body></body></html>',
  );
  const config = await loadConfig({ dataDir, env: {}, overrides: { 'http.addr': '127.0.0.1:0', ...overrides } });
  const logged: LogRecord[] = [];
  const log = createLogger({
    level: 'debug',
    format: 'json',
    service: 'platform',
    instance: 'platform-test',
    destination: { write: (line) => void logged.push(JSON.parse(line)) },
  });
  const bus = new LocalBus(log);
  const lifecycle = new Lifecycle(log);
  const metrics = createMetrics('kiln_');
  const blobs = await openBlobs(config);
  const context: FarmContext = {
    config,
    log,
    db,
    bus,
    blobs,
    logs: new LogStore({ db, blobs }),
    lifecycle,
    metrics,
    service: 'platform',
    instance: 'platform-test',
  };
  const { path } = await ensureAdminToken(context);
  const adminToken = (await readFile(path, 'utf8')).trim();
  const platform = await startPlatform(context, { webRoot });
  const url = `http://${platform.address}`;
  const ask: TestPlatform['ask'] = async (address, { method = 'GET', body, headers = {} } = {}) =>
    await fetch(url + address, {
      method,
      redirect: 'manual',
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return {
    url,
    db,
    bus,
    context,
    dataDir,
    webRoot,
    adminToken,
    logged,
    ask,
    async json(address) {
      const response = await ask(address);
      if (!response.ok) throw new Error(`${address} answered ${response.status}: ${await response.text()}`);
      return await response.json();
    },
    async stop() {
      await lifecycle.stop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

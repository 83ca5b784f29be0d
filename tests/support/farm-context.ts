import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConfigSources, loadConfig } from '@kiln/service/config.ts';
import { Lifecycle } from '@kiln/service/lifecycle.ts';
import { createLogger } from '@kiln/service/log.ts';
import { createMetrics } from '@kiln/service/metrics.ts';
import { openBlobs } from '@kiln/store/blobs/open.ts';
import type { Bus } from '@kiln/store/bus/bus.ts';
import { LocalBus } from '@kiln/store/bus/local-bus.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { type Database, openDatabase } from '@kiln/store/database.ts';
import { LogStore } from '@kiln/store/logs/log-store.ts';
import { testDatabase } from '@kiln/store/testing.ts';

/** A line of a service log, read back. */
export type LogLine = Record<string, unknown> & { level: string; msg: string };

/** One process of a test's farm: a context to start tiers with, and what it logged. */
export interface TestNode {
  context: FarmContext;
  /** Everything logged so far; with `msg`, the lines with that text. */
  lines(msg?: string): LogLine[];
  /** Stops what was started in this context. */
  stop(): Promise<void>;
}

/** A farm for tests: a database and a data folder of its own, and one process; `join` adds further ones. */
export interface TestFarm extends TestNode {
  dataDir: string;
  db: Database;
  /** Another process on the same database; on the same bus when it is to hear what this one says. */
  join(options?: { bus?: Bus; overrides?: ConfigSources['overrides'] }): Promise<TestNode>;
  /** Stops all processes and removes everything. */
  drop(): Promise<void>;
}

/** Makes a farm for one test. `overrides` are settings by dotted key, such as `{'orchestrator.poll_timeout': '1s'}`. */
export async function testFarm(overrides: ConfigSources['overrides'] = {}): Promise<TestFarm> {
  const { db, address, drop } = await testDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'kiln-test-'));
  const nodes: TestNode[] = [];
  const closers: (() => Promise<void>)[] = [];

  const node = async (
    handle: Database,
    options: { bus?: Bus; overrides?: ConfigSources['overrides'] },
  ): Promise<TestNode> => {
    const captured: LogLine[] = [];
    const instance = `orchestrator-${randomUUID().slice(0, 8)}`;
    const destination = { write: (line: string) => void captured.push(JSON.parse(line)) };
    const log = createLogger({ level: 'debug', format: 'json', service: 'orchestrator', instance, destination });
    const lifecycle = new Lifecycle(log);
    const config = await loadConfig({ dataDir, env: {}, overrides: { ...overrides, ...options.overrides } });
    const blobs = await openBlobs(config);
    const made: TestNode = {
      context: {
        config,
        log,
        db: handle,
        bus: options.bus ?? new LocalBus(log),
        blobs,
        logs: new LogStore({ db: handle, blobs }),
        lifecycle,
        metrics: createMetrics('kiln_orch_'),
        service: 'orchestrator',
        instance,
      },
      lines: (msg) => captured.filter((line) => msg === undefined || line.msg === msg),
      stop: async () => await lifecycle.stop(),
    };
    nodes.push(made);
    return made;
  };

  return {
    ...(await node(db, {})),
    dataDir,
    db,
    async join(options = {}) {
      const handle = openDatabase(address, { name: 'test-node' });
      closers.push(async () => await handle.end({ timeout: 2 }));
      return await node(handle, options);
    },
    async drop() {
      await Promise.all(nodes.map(async (one) => await one.stop()));
      await Promise.all(closers.map(async (close) => await close()));
      await drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

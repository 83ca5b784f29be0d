import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { text } from 'node:stream/consumers';
import { loadConfig } from '@kiln/service/config.ts';
import { createLogger } from '@kiln/service/log.ts';
import { openBlobs } from '@kiln/store/blobs/open.ts';
import { type DatabaseAddress, openDatabase } from '@kiln/store/database.ts';
import { archiveNext } from './archive.ts';
import { expireOld } from './expire.ts';
import { sealNext } from './seal.ts';
import { testFigures } from './testing-logs.ts';

/** What a process of a test that keeps logs gets on its standard input. */
export interface KeeperOrders {
  address: Exclude<DatabaseAddress, string>;
  /** Settings of the place of blobs, by dotted key. */
  settings: Record<string, string>;
  work: 'seal' | 'archive' | 'expire';
  /** Kill this process, as the system would, at the n-th statement, touch of the disk or request; null: never. */
  killAt: number | null;
}

const DAY_MS = 86_400_000;
const orders: KeeperOrders = JSON.parse(await text(process.stdin));
let steps = 0;

/** Counts the calls of a function, and dies at one of them. */
function counted<A extends unknown[], R>(original: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    if (++steps === orders.killAt) process.kill(process.pid, 'SIGKILL');
    return original(...args);
  };
}

Object.assign(fs, { mkdir: counted(fs.mkdir), rm: counted(fs.rm), open: counted(fs.open), rename: counted(fs.rename) });
syncBuiltinESMExports();
globalThis.fetch = counted(globalThis.fetch);
const db = openDatabase(orders.address, { name: 'test-keeper', connections: 2 });
const context = {
  db: new Proxy(db, {
    apply: (target, self, args) => Reflect.apply(counted(target), self, args),
    get: (target, name, self) =>
      name === 'begin' ? counted(target.begin.bind(target)) : Reflect.get(target, name, self),
  }),
  blobs: await openBlobs(await loadConfig({ dataDir: '/nonexistent', env: {}, overrides: orders.settings })),
  log: createLogger({ level: 'error', format: 'json', service: 'orchestrator', instance: 'keeper' }),
  instance: 'keeper',
};
const count = testFigures(db);
const { signal } = new AbortController();
const work = {
  seal: async () => await sealNext(context, count, signal),
  archive: async () => await archiveNext(context, count, 30 * DAY_MS, signal),
  expire: async () => (await expireOld(context, count, 90 * DAY_MS, signal)) || null,
};
for (let done = await work[orders.work](); done !== null; ) done = await work[orders.work]();
await db.end();
process.stdout.write(String(steps));

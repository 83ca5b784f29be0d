import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { FolderBlobs } from '@kiln/store/blobs/folder.ts';
import { type DatabaseAddress, openDatabase } from '@kiln/store/database.ts';
import type { PublishContext } from './context.ts';
import { publishRun, type RunToPublish } from './publish-run.ts';

/** What a publisher process of a test gets on its standard input. */
export interface PublisherOrders {
  address: DatabaseAddress;
  config: PublishContext['config'];
  /** Published one after another. */
  runs: RunToPublish[];
  /** Kill this process, as the system would, when it is about to touch the disk or ask the bucket for the n-th time; null: never. */
  killAt: number | null;
}

const orders: PublisherOrders = JSON.parse(await text(process.stdin));
const touches = countTouches(orders.killAt);
const db = openDatabase(orders.address, { name: 'test-publisher', connections: 2 });
const blobs = new FolderBlobs(join(orders.config.dataDir, 'blobs'));
const log = {
  info: () => {},
  warn: (fields: object, message: string) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
};
for (const run of orders.runs) await publishRun({ config: orders.config, db, blobs, log }, run);
await db.end();
process.stdout.write(String(touches.count));

/** Counts the calls of everything that the publisher uses of disk and network, and dies at one of them. */
function countTouches(killAt: number | null): { count: number } {
  const counter = { count: 0 };
  const counted = <A extends unknown[], R>(original: (...args: A) => R): ((...args: A) => R) => {
    return (...args) => {
      if (++counter.count === killAt) process.kill(process.pid, 'SIGKILL');
      return original(...args);
    };
  };
  fs.chmod = counted(fs.chmod);
  fs.open = counted(fs.open);
  fs.rename = counted(fs.rename);
  fs.symlink = counted(fs.symlink);
  globalThis.fetch = counted(globalThis.fetch);
  Object.assign(fs, { mkdir: counted(fs.mkdir), rm: counted(fs.rm), writeFile: counted(fs.writeFile) });
  syncBuiltinESMExports();
  return counter;
}

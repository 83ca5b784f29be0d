import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@kiln/service/log.ts';
import type { Database } from '@kiln/store/database.ts';
import { migrate } from '@kiln/store/migrate.ts';

/** How long a start waits for a PostgreSQL that does not answer, in milliseconds. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 1000;

/** What a server says that is not up yet, or a network that does not reach it. */
const NOT_YET = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'CONNECT_TIMEOUT',
  '57P03',
]);

/** Brings the schema up to date, waiting a while for a PostgreSQL that is still on its way up. */
export async function openSchema(db: Database, log: Logger): Promise<void> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      const applied = await migrate(db);
      if (applied.length > 0) log.info({ migrations: applied }, 'schema brought up to date');
      return;
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? String(error.code) : '';
      if (!NOT_YET.has(code) || Date.now() > deadline) throw error;
      log.warn({ err: error }, 'PostgreSQL does not answer yet');
      await sleep(PAUSE_MS);
    }
  }
}

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '@kiln/service/log.ts';
import type { Database } from '@kiln/store/database.ts';
import { migrate } from '@kiln/store/migrate.ts';
import { checkRequirements, describeDatabase, UnsuitableDatabaseError } from '@kiln/store/requirements.ts';
import { CliError, messageOf } from '../errors.ts';
import { mayPass, remedyOf } from './database-problem.ts';

/** How long a start waits for a PostgreSQL that does not answer, in milliseconds. */
const PATIENCE_MS = 60_000;
const PAUSE_MS = 1000;

/**
 * Checks that the PostgreSQL is one to work on and brings the schema up to date, waiting a while for a server that is still
 * on its way up. Throws a CliError that names the database, never the password, where a person can help.
 */
export async function openSchema(db: Database, log: Logger, { patienceMs = PATIENCE_MS } = {}): Promise<void> {
  const deadline = Date.now() + patienceMs;
  let told = '';
  for (;;) {
    try {
      await checkRequirements(db);
      const applied = await migrate(db);
      if (applied.length > 0) log.info({ migrations: applied }, 'schema brought up to date');
      return;
    } catch (error) {
      if (!mayPass(error) || Date.now() > deadline) throw explain(error, db);
      const reason = messageOf(error);
      // Once for each reason: a minute of the same line each second tells nobody more.
      if (reason !== told)
        log.warn({ database: describeDatabase(db), error: reason }, 'PostgreSQL does not answer yet');
      told = reason;
      await sleep(PAUSE_MS);
    }
  }
}

function explain(error: unknown, db: Database): unknown {
  const reason = messageOf(error);
  if (error instanceof UnsuitableDatabaseError) {
    return new CliError(`Kiln can't use ${describeDatabase(db)}: ${reason}`);
  }
  const remedy = remedyOf(error);
  return remedy === null ? error : new CliError(`Kiln can't use ${describeDatabase(db)}: ${reason}; ${remedy}`);
}

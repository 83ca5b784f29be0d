import type { Database } from './database.ts';

/** The oldest PostgreSQL that Kiln works on. */
const OLDEST_MAJOR = 15;

/** A PostgreSQL that answers but is not one that Kiln can work on. The message says what it lacks and what to do. */
export class UnsuitableDatabaseError extends Error {
  override name = 'UnsuitableDatabaseError';
}

/** Which database a handle is for, for messages: without the password. */
export function describeDatabase(db: Database): string {
  const { host, port, path, user, database } = db.options;
  const server = typeof path === 'string' ? path : host.map((name, index) => `${name}:${port[index]}`).join(',');
  return `database "${database}" at ${server} (user "${user}")`;
}

/** Looks at version, encoding and mode. Throws UnsuitableDatabaseError, or what kept it from asking. */
export async function checkRequirements(db: Database): Promise<void> {
  const [server] = await db<{ version: string; number: string; encoding: string; standby: boolean }[]>`
    SELECT current_setting('server_version') AS version, current_setting('server_version_num') AS number,
           current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby`;
  if (!server) return;
  if (Number(server.number) < OLDEST_MAJOR * 10_000) {
    throw new UnsuitableDatabaseError(
      `it is PostgreSQL ${server.version}, and Kiln needs ${OLDEST_MAJOR} or later; upgrade it, or leave database.url out to use the built-in one`,
    );
  }
  if (server.encoding !== 'UTF8') {
    throw new UnsuitableDatabaseError(
      `its encoding is ${server.encoding}, and logs are UTF-8; make one with: CREATE DATABASE kiln ENCODING 'UTF8' TEMPLATE template0`,
    );
  }
  if (server.standby) {
    throw new UnsuitableDatabaseError('it is a standby that takes no writes; name the primary in database.url');
  }
}

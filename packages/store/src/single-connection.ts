import postgres from 'postgres';
import type { Database } from './database.ts';
import { guardTransactions } from './transactions.ts';

/**
 * A handle of its own on the same database, with one connection that stays until `end`: for locks that belong to a session, and
 * for statements that come again and again, which the server plans once for each connection. When the connection is lost
 * the next query is answered on a new one, without the locks: whoever holds one asks the server whether it still does.
 */
export function openSingleConnection(db: Database): Database {
  // Typed as postgres.js gives its settings back, they could not be handed to it again.
  const settings: object = db.options;
  const own = { ...settings, types: db.options.types, max: 1, idle_timeout: undefined, max_lifetime: null };
  return guardTransactions(postgres(own));
}

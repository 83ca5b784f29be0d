import { setTimeout as sleep } from 'node:timers/promises';
import { isSocketError } from './closing-socket.ts';
import type { Database, Transaction } from './database.ts';

/** The work on a transaction that has ended with its connection goes no further. */
const NEVER = new Promise<never>(() => {});

/** The client tells of a lost connection in the same instant to its queries and to `begin`. */
const TOLD_WITHIN_MS = 1_000;

/**
 * Makes the transactions of a handle end well with their connection. The client tells that a connection was lost by rejecting
 * `begin`; but it goes on to roll back or to commit, on a connection that is not there (which ends the process) or that is
 * another by then.
 */
export function guardTransactions(db: Database): Database {
  const begin = db.begin.bind(db);
  const guarded = async (work: (sql: Transaction) => Promise<unknown>): Promise<unknown> => {
    let lost = false;
    try {
      return await begin(async (sql) => {
        try {
          const result = await work(whileHeld(sql, () => !lost));
          return lost ? await NEVER : result;
        } catch (error) {
          // `begin` is about to be rejected, unless the work was done on another handle as well, and it was that one's connection.
          if (isConnectionLost(error)) await sleep(TOLD_WITHIN_MS, null, { ref: false });
          if (lost) return await NEVER;
          throw error;
        }
      });
    } finally {
      lost = true;
    }
  };
  Object.defineProperty(db, 'begin', { value: guarded });
  return db;
}

function whileHeld(sql: Transaction, isHeld: () => boolean): Transaction {
  return new Proxy(sql, {
    apply(target, self, given) {
      if (!isHeld()) throw new Error('the transaction ended before its work did');
      return Reflect.apply(target, self, given);
    },
  });
}

/** What the client says to the queries of a connection whose end it is about to tell. */
function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'CONNECTION_CLOSED') || isSocketError(error);
}

import { backoffMs } from '@kiln/service/backoff.ts';
import postgres from 'postgres';
import { socketMaker } from './closing-socket.ts';
import { guardTransactions } from './transactions.ts';

/**
 * The one handle on PostgreSQL. Columns come back in camelCase, int8 as number (nothing here passes 2^53), timestamps
 * as Date. Queries given to one `begin` without awaiting each are pipelined into one round trip.
 */
export type Database = postgres.Sql<{ int8: number }>;
/** What a query needs: the handle itself or a transaction of it. */
export type Queryable = Database | postgres.TransactionSql<{ int8: number }>;
export type Transaction = postgres.TransactionSql<{ int8: number }>;

/**
 * How to reach a PostgreSQL: a URL, or the parts of the embedded one. A URL may name the folder of a Unix socket as libpq
 * has it: `postgres:///kiln?host=/run/postgresql`.
 */
export type DatabaseAddress = string | { host: string; port: number; user: string; password: string; database: string };

/** Seconds before the next try to connect: soon, since all work of the farm waits for it (the library's own goes up to 20 s). */
function reconnectDelay(failures: number): number {
  return backoffMs(failures + 1, { firstMs: 20, capMs: 1_000 }) / 1_000;
}

/** Opens a pool. `name` shows in pg_stat_activity. Nothing connects until the first query. */
export function openDatabase(address: DatabaseAddress, options: { name: string; connections?: number }): Database {
  const settings = {
    max: options.connections ?? 8,
    idle_timeout: 300,
    connect_timeout: 10,
    // A transaction whose BEGIN is the one that fills the pipeline is never told so, and goes on outside of it.
    max_pipeline: Number.MAX_SAFE_INTEGER,
    max_lifetime: null,
    backoff: reconnectDelay,
    socket: socketMaker(),
    onnotice: () => {},
    connection: { application_name: options.name },
    transform: { undefined: null, column: { to: postgres.fromCamel, from: postgres.toCamel } },
    types: {
      int8: { to: 20, from: [20], serialize: (value: number) => String(value), parse: (text: string) => Number(text) },
    },
  };
  if (typeof address !== 'string') return guardTransactions(postgres({ ...address, ...settings }));
  const url = new URL(address);
  const host = url.searchParams.get('host');
  // The client library knows the host part only, and would hand this one to the server as a setting.
  url.searchParams.delete('host');
  return guardTransactions(postgres(url.href, host === null ? settings : { ...settings, host }));
}

import postgres from 'postgres';

/**
 * The one handle on PostgreSQL. Columns come back in camelCase, int8 as number (nothing here passes 2^53), timestamps
 * as Date. Queries given to one `begin` without awaiting each are pipelined into one round trip.
 */
export type Database = postgres.Sql<{ int8: number }>;
/** What a query needs: the handle itself or a transaction of it. */
export type Queryable = Database | postgres.TransactionSql<{ int8: number }>;
export type Transaction = postgres.TransactionSql<{ int8: number }>;

/** How to reach a PostgreSQL: a URL, or the parts of the embedded one. */
export type DatabaseAddress = string | { host: string; port: number; user: string; password: string; database: string };

/** Opens a pool. `name` shows in pg_stat_activity. Nothing connects until the first query. */
export function openDatabase(address: DatabaseAddress, options: { name: string; connections?: number }): Database {
  const settings = {
    max: options.connections ?? 8,
    idle_timeout: 300,
    connect_timeout: 10,
    max_lifetime: null,
    onnotice: () => {},
    connection: { application_name: options.name },
    transform: { undefined: null, column: { to: postgres.fromCamel, from: postgres.toCamel } },
    types: {
      int8: { to: 20, from: [20], serialize: (value: number) => String(value), parse: (text: string) => Number(text) },
    },
  };
  return typeof address === 'string' ? postgres(address, settings) : postgres({ ...address, ...settings });
}

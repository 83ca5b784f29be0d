import type { Database, Queryable, Transaction } from './database.ts';

/**
 * Every advisory lock of the farm: what it guards, and its number. PostgreSQL has one space of them in a database, so a number
 * that two kinds share would let them wait for each other. A key becomes a number by hashing, so two keys of one kind may
 * share a turn, which costs time and nothing else. What is locked by nobody but Kiln's own processes needs no row for it.
 */
export const LOCKS = {
  /** Bringing the schema up to date: of all processes that start at once, one does it. Without a key. */
  schema: 7_451_101,
  /** Putting packages into a repository, by its name: files and index change by one publisher's hand at a time. */
  repository: 7_451_102,
  /** Which versions of a package are active, by repository and package: set by one transaction at a time. */
  activeVersions: 7_451_103,
  /** Deciding what a recipe builds, by its name: two events that ask for one version become one run. */
  recipe: 7_451_104,
  /** Taking in what a host tells of itself, by its name: its readings are compared in their order. */
  host: 7_451_105,
  /** Giving a builder its token, by its name: it has one. */
  builderToken: 7_451_106,
} as const;

/** What is locked for one thing of many, by a key. */
export type KeyedLock = Exclude<keyof typeof LOCKS, 'schema'>;

/** Waits until this transaction is the only one that changes the schema, and keeps that until it ends. */
export async function lockSchema(sql: Transaction): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${LOCKS.schema})`;
}

/**
 * Waits for the locks of these keys and keeps them until the transaction ends. They are taken in one order whoever asks, so
 * those that want several never wait for each other in a ring.
 */
export async function lockInTransaction(sql: Transaction, lock: KeyedLock, keys: readonly string[]): Promise<void> {
  await sql`
    SELECT pg_advisory_xact_lock(${LOCKS[lock]}, key)
    FROM (SELECT DISTINCT hashtext(name) AS key FROM unnest(${[...keys]}::text[]) AS name ORDER BY key) AS keys`;
}

/** Waits for the lock of a key and keeps it as long as the connection lives: `connection` is a handle with one only. */
export async function lockInSession(connection: Database, lock: KeyedLock, key: string): Promise<void> {
  await connection`SELECT pg_advisory_lock(${LOCKS[lock]}, hashtext(${key}))`;
}

/** Whether the session that answers holds the lock of a key: one that took the place of a lost connection does not. */
export async function isLockedInSession(connection: Queryable, lock: KeyedLock, key: string): Promise<boolean> {
  const held = await connection`
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted AND objsubid = 2
      AND classid::bigint = ${LOCKS[lock]} AND objid::bigint = hashtext(${key})::bigint & 4294967295`;
  return held.length === 1;
}

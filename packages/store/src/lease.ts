import postgres from 'postgres';
import type { Database, Queryable, Transaction } from './database.ts';

/** A piece of SQL, to be put into a statement. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** The right to write about a row: what names the row, and the fence that this lease gave it. */
export type Lease<Key extends string> = Record<Key, string | number> & { fence: number };

/**
 * A table whose rows are worked on under leases, in its columns `leased_by` (the holder's instance; null: nobody),
 * `lease_expires_at` and `fence`. All times are the database's.
 *
 * A lease raises the row's fence, and whoever writes about the row later names the fence that it was given. So a holder that was
 * away for too long can't undo what the next one did: its renewals and writes find no row. A lease that is over but that
 * nobody took since is still good.
 */
export class LeaseTable<Key extends string> {
  /** How long a lease lasts that is not renewed, in milliseconds: how long nobody works on the rows of a killed process. */
  readonly leaseMs: number;
  readonly #table: string;
  readonly #key: readonly Key[];

  /** `key`: the properties that name a row, which are the columns of its primary key in camelCase. */
  constructor(table: string, key: readonly Key[], leaseMs: number) {
    this.#table = table;
    this.#key = key;
    this.leaseMs = leaseMs;
  }

  /** Condition: the row can be leased. `row` is the name that the statement gives the table. */
  isFree(sql: Queryable, row: string): Fragment {
    return sql`(${sql(row)}.leased_by IS NULL OR ${sql(row)}.lease_expires_at <= now())`;
  }

  /** Condition: the row's holder let its lease run out. */
  isExpired(sql: Queryable, row: string): Fragment {
    return sql`(${sql(row)}.leased_by IS NOT NULL AND ${sql(row)}.lease_expires_at <= now())`;
  }

  /** Value: when the row's lease ends, null when there is none. */
  leasedUntil(sql: Queryable, row: string): Fragment {
    return sql`CASE WHEN ${sql(row)}.leased_by IS NOT NULL THEN ${sql(row)}.lease_expires_at END`;
  }

  /**
   * Leases the rows that the statement's `due` names, which it has locked (`FOR UPDATE SKIP LOCKED`) and found free. An UPDATE of
   * `leased`, to be followed by RETURNING. `also`: what else is set.
   */
  lease(sql: Queryable, holder: string, also: Fragment | null = null): Fragment {
    return sql`
      UPDATE ${sql(this.#table)} AS leased SET ${this.#taken(sql, holder)} ${also ? sql`, ${also}` : sql``}
      FROM due WHERE ${this.#same(sql, 'leased', 'due')}`;
  }

  /** As `lease`, for rows of which some are made by their first lease. Of those in `due` it leases what is free at this moment. */
  leaseOrInsert(sql: Queryable, holder: string): Fragment {
    const key = this.#key.map((name: string) => sql`${sql(name)}`).reduce((list, name) => sql`${list}, ${name}`);
    return sql`
      INSERT INTO ${sql(this.#table)} AS leased (${key}, leased_by, lease_expires_at, fence)
      SELECT ${key}, ${holder}, ${this.#end(sql)}, 1 FROM due
      ON CONFLICT (${key}) DO UPDATE SET ${this.#taken(sql, holder)} WHERE ${this.isFree(sql, 'leased')}`;
  }

  /** Condition of a write: the lease is held. */
  isHeld(sql: Queryable, lease: Lease<Key>): Fragment {
    return this.#key
      .map((name) => sql`${sql(String(name))} = ${lease[name]}`)
      .reduce((all, one) => sql`${all} AND ${one}`, sql`fence = ${lease.fence} AND leased_by IS NOT NULL`);
  }

  /** Leases as the rows `given` of a statement, for `isGiven`, with those of their other properties that are columns as `also` names them. */
  given<Also extends string = never>(
    sql: Queryable,
    leases: readonly (Lease<Key> & Record<Also, unknown>)[],
    also: readonly Also[] = [],
  ): Fragment {
    const rows = leases.map((lease) => {
      const columns = [...this.#key, ...also].map((name) => [postgres.fromCamel(name), lease[name]]);
      return { ...Object.fromEntries(columns), fence: lease.fence };
    });
    return sql`jsonb_populate_recordset(NULL::${sql(this.#table)}, ${JSON.stringify(rows)}::text::jsonb) AS given`;
  }

  /** Condition of a write: the row's lease is one of those `given`, and held. */
  isGiven(sql: Queryable, row: string): Fragment {
    return sql`${this.#same(sql, row, 'given')} AND ${sql(row)}.fence = given.fence AND ${sql(row)}.leased_by IS NOT NULL`;
  }

  /** What a write sets that ends a lease. */
  ended(sql: Queryable): Fragment {
    return sql`leased_by = NULL, lease_expires_at = NULL`;
  }

  /** Whether a lease is held; when it is, nobody else gets it before the transaction ends. */
  async hold(sql: Transaction, lease: Lease<Key>): Promise<boolean> {
    const held = await sql`SELECT FROM ${sql(this.#table)} WHERE ${this.isHeld(sql, lease)} FOR UPDATE`;
    return held.length > 0;
  }

  /** Begins leases anew. Those that were lost stay lost. Returns how many are held. */
  async renew(sql: Queryable, leases: readonly Lease<Key>[]): Promise<number> {
    const renewed = await sql`
      UPDATE ${sql(this.#table)} AS leased SET lease_expires_at = ${this.#end(sql)}
      FROM ${this.given(sql, leases)} WHERE ${this.isGiven(sql, 'leased')}`;
    return renewed.count;
  }

  /** Gives leases back before their work is done: the rows can be leased at once. `also`: what else is set. */
  async giveBack(sql: Queryable, leases: readonly Lease<Key>[], also: Fragment | null = null): Promise<void> {
    if (leases.length === 0) return;
    await sql`
      UPDATE ${sql(this.#table)} AS leased SET ${this.ended(sql)} ${also ? sql`, ${also}` : sql``}
      FROM ${this.given(sql, leases)} WHERE ${this.isGiven(sql, 'leased')}`;
  }

  /**
   * Does some work and renews its leases meanwhile. A renewal that the database does not take is told and tried again: whether
   * the lease was lost is decided by the fence, when the work writes what it did.
   */
  async keepWhile<T>(
    db: Database,
    leases: readonly Lease<Key>[],
    work: () => Promise<T>,
    onTrouble: (error: unknown) => void,
  ): Promise<T> {
    let renewal: Promise<unknown> | null = null;
    const timer = setInterval(() => {
      renewal ??= this.renew(db, leases)
        .catch(onTrouble)
        .finally(() => {
          renewal = null;
        });
    }, this.leaseMs / 4);
    try {
      return await work();
    } finally {
      clearInterval(timer);
      await renewal;
    }
  }

  #taken(sql: Queryable, holder: string): Fragment {
    return sql`leased_by = ${holder}, lease_expires_at = ${this.#end(sql)}, fence = leased.fence + 1`;
  }

  #end(sql: Queryable): Fragment {
    return sql`now() + ${this.leaseMs} * interval '1 millisecond'`;
  }

  #same(sql: Queryable, one: string, other: string): Fragment {
    return this.#key
      .map((name) => sql`${sql(`${one}.${name}`)} = ${sql(`${other}.${name}`)}`)
      .reduce((all, pair) => sql`${all} AND ${pair}`);
  }
}

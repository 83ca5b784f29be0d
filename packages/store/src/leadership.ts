import type { Database, Queryable } from './database.ts';

/** How long a term lasts without a beat. The beat is half of it. */
export const LEASE_MS = 10_000;

/**
 * Takes or keeps the lead. The term is the fence: it grows whenever the holder changes. Returns the term when `instance`
 * leads now, null when another does.
 */
export async function takeLead(db: Database, instance: string): Promise<number | null> {
  const [row] = await db<{ term: number }[]>`
    INSERT INTO leadership AS l (holder, term, expires_at) VALUES (${instance}, 1, now() + ${LEASE_MS} * interval '1 millisecond')
    ON CONFLICT (singleton) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at,
      term = CASE WHEN l.holder = excluded.holder THEN l.term ELSE l.term + 1 END
    WHERE l.holder = excluded.holder OR l.expires_at < now()
    RETURNING term`;
  return row?.term ?? null;
}

/** Who leads, or led last; null: nobody ever did. */
export async function leader(sql: Queryable): Promise<string | null> {
  const [row] = await sql<{ holder: string }[]>`SELECT holder FROM leadership`;
  return row?.holder ?? null;
}

/** Gives the lead up, so that the next one need not wait. */
export async function resignLead(db: Database, instance: string): Promise<void> {
  await db`UPDATE leadership SET expires_at = now() - interval '1 second' WHERE holder = ${instance}`;
}

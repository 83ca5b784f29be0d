import type { Queryable } from './database.ts';

/** The private key of this name that the farm signs with, or null. */
export async function findSigningKey(sql: Queryable, name: string): Promise<string | null> {
  const [row] = await sql<{ privateKey: string }[]>`SELECT private_key FROM signing_keys WHERE name = ${name}`;
  return row?.privateKey ?? null;
}

/** Keeps a private key unless there is one of this name. Returns the one that holds: of two made at once, the first. */
export async function keepSigningKey(sql: Queryable, name: string, privateKey: string): Promise<string> {
  await sql`INSERT INTO signing_keys (name, private_key) VALUES (${name}, ${privateKey}) ON CONFLICT DO NOTHING`;
  return (await findSigningKey(sql, name)) ?? privateKey;
}

import { issueCredential } from '../credentials.ts';
import type { Database } from '../database.ts';
import { lockInTransaction } from '../locks.ts';

/**
 * Gives a builder its token, which can't be had again. A builder has one: an earlier one ends. Of two calls at once the later
 * one's token holds.
 */
export async function issueBuilderToken(db: Database, name: string): Promise<{ token: string; replaced: boolean }> {
  return await db.begin(async (sql) => {
    await lockInTransaction(sql, 'builderToken', [name]);
    const ended = await sql`
      UPDATE credentials SET revoked_at = now() WHERE kind = 'builder' AND subject = ${name} AND revoked_at IS NULL`;
    const { token } = await issueCredential(sql, { kind: 'builder', subject: name });
    return { token, replaced: ended.count > 0 };
  });
}

/** The builders that have a token, by name. */
export async function listBuilderTokens(db: Database): Promise<{ name: string; createdAt: Date }[]> {
  return await db<{ name: string; createdAt: Date }[]>`
    SELECT subject AS name, created_at FROM credentials WHERE kind = 'builder' AND revoked_at IS NULL ORDER BY subject`;
}

/** Ends a builder's token at once. Returns whether it had one. */
export async function revokeBuilderToken(db: Database, name: string): Promise<boolean> {
  const ended = await db`
    UPDATE credentials SET revoked_at = now() WHERE kind = 'builder' AND subject = ${name} AND revoked_at IS NULL`;
  return ended.count > 0;
}

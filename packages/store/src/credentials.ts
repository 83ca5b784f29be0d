import { createHash, randomBytes, randomUUID } from 'node:crypto';
import type { PrincipalKind } from '@kiln/protocol/permissions.ts';
import type { Database, Queryable } from './database.ts';

/** What a credential is for: to speak for a principal, or (`signin`) to become one once. `protocol/permissions.ts` says what each may do. */
export type CredentialKind = PrincipalKind | 'signin';

/** A credential without its secret, which nobody keeps. */
export interface Credential<K extends CredentialKind = CredentialKind> {
  credentialId: string;
  kind: K;
  /** Who it speaks for: `admin`, the name of a join token, the id of an agent, the name of a builder, of a host or a collector. */
  subject: string;
  createdAt: Date;
  /** Null: until it is revoked. */
  expiresAt: Date | null;
}

export interface NewCredential {
  kind: CredentialKind;
  subject: string;
  /** Milliseconds from now. Absent: until it is revoked. */
  ttlMs?: number;
  /** A secret that exists already. Absent: 32 random bytes are drawn. */
  token?: string;
}

/** How long a session lasts, and how long a sign-in link can be used. */
export const SESSION_MS = 30 * 86_400_000;
export const SIGN_IN_MS = 10 * 60_000;

/** 32 random bytes in letters, digits, `-` and `_`. */
export function randomToken(): string {
  return randomBytes(32).toString('base64url');
}

/** The form in which a token is kept. A fast hash is enough: what it hides is 256 random bits, not a password. */
export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Makes a credential and returns its token, which can't be had again. Throws when the same token is known already. */
export async function issueCredential(
  sql: Queryable,
  credential: NewCredential,
): Promise<{ credentialId: string; token: string }> {
  const credentialId = randomUUID();
  const token = credential.token ?? randomToken();
  await sql`
    INSERT INTO credentials (credential_id, kind, hash, subject, expires_at)
    VALUES (${credentialId}, ${credential.kind}, ${hashToken(token)}, ${credential.subject},
            now() + ${credential.ttlMs ?? null}::float8 * interval '1 millisecond')`;
  return { credentialId, token };
}

/** The credential that a token stands for, if it is of one of these kinds, not expired and not revoked. */
export async function findCredential<K extends CredentialKind>(
  sql: Queryable,
  kinds: K | readonly K[],
  token: string,
): Promise<Credential<K> | null> {
  const list = typeof kinds === 'string' ? [kinds] : [...kinds];
  const [row] = await sql<Credential<K>[]>`
    SELECT credential_id, kind, subject, created_at, expires_at FROM credentials
    WHERE hash = ${hashToken(token)} AND kind = ANY (${list}::text[]) AND revoked_at IS NULL
      AND (expires_at IS NULL OR expires_at > now())`;
  return row ?? null;
}

/** Makes the code of a one-time sign-in link for this subject: `<dashboard>/sign-in?code=…`. It can be used for ten minutes. */
export async function createSignInLink(sql: Queryable, subject = 'admin'): Promise<string> {
  const { token } = await issueCredential(sql, { kind: 'signin', subject, ttlMs: SIGN_IN_MS });
  return token;
}

/** Turns a sign-in code into a session. Null when it is unknown, too old or used: of two at once, one gets the session. */
export async function useSignIn(
  db: Database,
  code: string,
): Promise<{ credentialId: string; token: string; subject: string } | null> {
  return await db.begin(async (sql) => {
    const [used] = await sql<{ subject: string }[]>`
      UPDATE credentials SET used_at = now()
      WHERE hash = ${hashToken(code)} AND kind = 'signin' AND used_at IS NULL AND revoked_at IS NULL AND expires_at > now()
      RETURNING subject`;
    if (!used) return null;
    const session = await issueCredential(sql, { kind: 'session', subject: used.subject, ttlMs: SESSION_MS });
    return { ...session, subject: used.subject };
  });
}

/** Ends a credential at once. Returns whether it was alive. */
export async function revokeCredential(sql: Queryable, credentialId: string): Promise<boolean> {
  const done = await sql`
    UPDATE credentials SET revoked_at = now() WHERE credential_id = ${credentialId} AND revoked_at IS NULL`;
  return done.count > 0;
}

/** Of these credentials, the ones that still open something. */
export async function aliveCredentials(sql: Queryable, credentialIds: readonly string[]): Promise<Set<string>> {
  if (credentialIds.length === 0) return new Set();
  const rows = await sql<{ credentialId: string }[]>`
    SELECT credential_id FROM credentials
    WHERE credential_id = ANY (${[...credentialIds]}::uuid[]) AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`;
  return new Set(rows.map((row) => row.credentialId));
}

/** Removes sessions and sign-in codes that ended more than a week ago. Returns how many. */
export async function sweepCredentials(sql: Queryable): Promise<number> {
  const done = await sql`
    DELETE FROM credentials
    WHERE kind IN ('session', 'signin') AND least(expires_at, revoked_at, used_at) < now() - interval '7 days'`;
  return done.count;
}

import type { HostToken } from '@kiln/protocol/hosts.ts';
import { type CredentialKind, issueCredential, revokeCredential } from '../credentials.ts';
import type { Queryable } from '../database.ts';

const KINDS: readonly CredentialKind[] = ['host', 'collector'];
const LISTED = 1000;

interface TokenRow {
  credentialId: string;
  kind: 'host' | 'collector';
  subject: string;
  createdAt: Date;
}

/** Makes a token that may push metrics: of the host with this name, or of any host. */
export async function createHostToken(
  sql: Queryable,
  name: string,
  anyHost: boolean,
): Promise<{ tokenId: string; token: string }> {
  const { credentialId, token } = await issueCredential(sql, { kind: anyHost ? 'collector' : 'host', subject: name });
  return { tokenId: credentialId, token };
}

/** The tokens that are valid, by name. */
export async function listHostTokens(sql: Queryable): Promise<HostToken[]> {
  const rows = await sql<TokenRow[]>`
    SELECT credential_id, kind, subject, created_at FROM credentials
    WHERE kind = ANY (${[...KINDS]}::text[]) AND revoked_at IS NULL ORDER BY subject, created_at LIMIT ${LISTED}`;
  return rows.map(({ credentialId, kind, subject, createdAt }) => ({
    tokenId: credentialId,
    name: subject,
    host: kind === 'host' ? subject : null,
    createdAt: createdAt.toISOString(),
  }));
}

/** Ends a token at once. Returns whether there was such a one. */
export async function revokeHostToken(sql: Queryable, tokenId: string): Promise<boolean> {
  const [row] = await sql`
    SELECT 1 FROM credentials WHERE credential_id = ${tokenId} AND kind = ANY (${[...KINDS]}::text[])`;
  return row !== undefined && (await revokeCredential(sql, tokenId));
}

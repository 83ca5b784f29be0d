import { type Principal, type PrincipalKind, SCOPES } from '@kiln/protocol/permissions.ts';
import { findCredential } from './credentials.ts';
import type { Queryable } from './database.ts';

/** Who a token speaks for, if its credential is alive and of one of these kinds. */
export async function findPrincipal(
  sql: Queryable,
  kinds: readonly PrincipalKind[],
  token: string,
): Promise<Principal | null> {
  const credential = await findCredential(sql, kinds, token);
  if (!credential) return null;
  const { kind, subject, credentialId } = credential;
  return { kind, id: subject, scopes: SCOPES[kind], credentialId };
}

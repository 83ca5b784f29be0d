import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createSignInLink,
  findCredential,
  issueCredential,
  revokeCredential,
  sweepCredentials,
  useSignIn,
} from './credentials.ts';
import { testDatabase } from './testing.ts';

let t: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  t = await testDatabase();
});
afterAll(async () => await t.drop());

describe('credentials', () => {
  it('are found by their token and kind only, and never kept in clear', async () => {
    const { credentialId, token } = await issueCredential(t.db, { kind: 'join', subject: 'build hosts' });
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    expect(await findCredential(t.db, ['agent', 'join'], token)).toMatchObject({
      credentialId,
      subject: 'build hosts',
    });
    expect(await findCredential(t.db, 'admin', token)).toBeNull();
    expect(await findCredential(t.db, 'join', `${token}x`)).toBeNull();
    const [row] = await t.db`SELECT * FROM credentials WHERE credential_id = ${credentialId}`;
    expect(JSON.stringify(row)).not.toContain(token);
  });

  it('end when they are revoked or too old', async () => {
    const short = await issueCredential(t.db, { kind: 'session', subject: 'admin', ttlMs: -1 });
    expect(await findCredential(t.db, 'session', short.token)).toBeNull();
    const other = await issueCredential(t.db, { kind: 'session', subject: 'admin', ttlMs: 60_000 });
    expect(await findCredential(t.db, 'session', other.token)).not.toBeNull();
    expect(await revokeCredential(t.db, other.credentialId)).toBe(true);
    expect(await revokeCredential(t.db, other.credentialId)).toBe(false);
    expect(await findCredential(t.db, 'session', other.token)).toBeNull();
  });

  it('lets one of many that use a sign-in link at once have the session', async () => {
    const code = await createSignInLink(t.db);
    const sessions = await Promise.all(Array.from({ length: 6 }, async () => await useSignIn(t.db, code)));
    const [session, ...rest] = sessions.filter((found) => found !== null);
    expect(rest).toHaveLength(0);
    expect(await findCredential(t.db, 'session', session?.token ?? '')).toMatchObject({ subject: 'admin' });
    expect(await useSignIn(t.db, code)).toBeNull();
  });

  it('sweeps what ended long ago and nothing else', async () => {
    const old = await issueCredential(t.db, { kind: 'session', subject: 'admin', ttlMs: -8 * 86_400_000 });
    const young = await issueCredential(t.db, { kind: 'session', subject: 'admin', ttlMs: -1000 });
    await sweepCredentials(t.db);
    const rows = await t.db<{ credentialId: string }[]>`SELECT credential_id FROM credentials`;
    const ids = rows.map((row) => row.credentialId);
    expect(ids).not.toContain(old.credentialId);
    expect(ids).toContain(young.credentialId);
  });
});

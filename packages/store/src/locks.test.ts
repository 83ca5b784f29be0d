import { afterAll, beforeAll, expect, test } from 'vitest';
import { isLockedInSession, type KeyedLock, LOCKS, lockInSession, lockInTransaction, lockSchema } from './locks.ts';
import { openSingleConnection } from './single-connection.ts';
import { testDatabase } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());

const KINDS: KeyedLock[] = ['repository', 'activeVersions', 'recipe', 'host', 'builderToken'];
const LOCK_NOT_AVAILABLE = { code: '55P03' };

/** Asks for locks as another transaction would; rejects where it would have to wait. */
async function tryLock(lock: KeyedLock, keys: string[]): Promise<void> {
  await made.db.begin(async (sql) => {
    await sql`SET LOCAL lock_timeout = '100ms'`;
    await lockInTransaction(sql, lock, keys);
  });
}

test('every kind has a number of its own', () => {
  expect(new Set(Object.values(LOCKS)).size).toBe(Object.keys(LOCKS).length);
  expect(['schema', ...KINDS].sort()).toEqual(Object.keys(LOCKS).sort());
});

test.each(KINDS)('%s: one at a time has a key, and no other key or kind waits for it', async (kind) => {
  await made.db.begin(async (sql) => {
    await lockInTransaction(sql, kind, ['main']);
    await expect(tryLock(kind, ['another', 'main'])).rejects.toMatchObject(LOCK_NOT_AVAILABLE);
    await tryLock(kind, ['another']);
    for (const other of KINDS.filter((one) => one !== kind)) await tryLock(other, ['main']);
    await made.db.begin(lockSchema);
  });
  await tryLock(kind, ['main']);
});

test('keys that are asked for in any order are had one after another, never in a ring', async () => {
  const keys = ['a', 'b', 'c', 'd'];
  const asking = Array.from({ length: 20 }, async (_, n) => {
    const order = n % 2 === 0 ? keys : keys.toReversed();
    await made.db.begin(async (sql) => await lockInTransaction(sql, 'recipe', order));
  });
  expect(await Promise.all(asking)).toHaveLength(20);
});

test('the lock of a session lasts as long as its connection', async () => {
  const connection = openSingleConnection(made.db);
  await lockInSession(connection, 'repository', 'main');
  expect(await isLockedInSession(connection, 'repository', 'main')).toBe(true);
  expect(await isLockedInSession(connection, 'repository', 'other')).toBe(false);
  expect(await isLockedInSession(connection, 'host', 'main')).toBe(false);
  expect(await isLockedInSession(made.db, 'repository', 'main')).toBe(false);
  await expect(tryLock('repository', ['main'])).rejects.toMatchObject(LOCK_NOT_AVAILABLE);
  await connection.end();
  await expect
    .poll(async () => await tryLock('repository', ['main']).then(() => 'free'), { timeout: 20_000 })
    .toBe('free');
});

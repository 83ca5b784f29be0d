import { lockRecipes } from '@kiln/store/routing.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withRepositoryLock } from './lock.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());

async function sessionsWithLock(): Promise<number[]> {
  const rows = await made.db<{ pid: number }[]>`
    SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
    WHERE locktype = 'advisory' AND granted AND datname = current_database()`;
  return rows.map(({ pid }) => pid);
}

test('a publisher whose connection ended learns that it is not alone any more', async () => {
  await withRepositoryLock(made.db, 'main', async (stillHeld) => {
    await stillHeld();
    const [pid] = await sessionsWithLock();
    await made.db`SELECT pg_terminate_backend(${pid ?? 0})`;
    for (let i = 0; i < 3; i++) await expect(stillHeld()).rejects.toThrow('the lock of repository main was lost');
  });
  expect(await withRepositoryLock(made.db, 'main', async () => 'next')).toBe('next');
});

test('routing does not wait for a publish, whatever recipe and repository are called', async () => {
  const routed = await withRepositoryLock(
    made.db,
    'main',
    async () =>
      await made.db.begin(async (sql) => {
        await sql`SET LOCAL lock_timeout = '20s'`;
        await lockRecipes(sql, ['main', 'libfoo']);
        return 'routed';
      }),
  );
  expect(routed).toBe('routed');
});

test('one repository does not wait for another, and a failure does not hold up the next', async () => {
  const release = Promise.withResolvers<void>();
  const first = withRepositoryLock(made.db, 'main', async () => {
    await release.promise;
    throw new Error('it failed');
  });
  const second = withRepositoryLock(made.db, 'main', async () => 'second');
  expect(await withRepositoryLock(made.db, 'testing', async () => 'other')).toBe('other');
  release.resolve();
  await expect(first).rejects.toThrow('it failed');
  expect(await second).toBe('second');
  await expect.poll(sessionsWithLock, { timeout: 25_000 }).toEqual([]);
});

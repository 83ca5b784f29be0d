import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { withRepositoryLock } from './lock.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());

test('a publisher whose connection ended learns that it is not alone any more', async () => {
  const asked = Promise.withResolvers<unknown>();
  const publishing = withRepositoryLock(made.db, 'main', async (stillHeld) => {
    await stillHeld();
    await made.db`
      SELECT pg_terminate_backend(pid) FROM pg_locks
      WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
    asked.resolve(
      await stillHeld().then(
        () => 'held',
        () => 'lost',
      ),
    );
  });
  await expect(publishing).rejects.toThrow();
  expect(await asked.promise).toBe('lost');
  expect(await withRepositoryLock(made.db, 'main', async () => 'next')).toBe('next');
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
});

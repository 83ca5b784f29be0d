import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from './database.ts';
import { migrate } from './migrate.ts';
import { testDatabase } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());

test('many processes that start at once apply each migration once', async () => {
  await made.db.unsafe('DROP SCHEMA public CASCADE; CREATE SCHEMA public').simple();
  const handles = Array.from({ length: 5 }, (_, i) =>
    openDatabase(made.address, { name: `starter-${i}`, connections: 1 }),
  );
  const applied = await Promise.all(handles.map(async (db) => await migrate(db)));
  await Promise.all(handles.map(async (db) => await db.end()));
  expect(applied.filter((names) => names.length > 0)).toHaveLength(1);
  expect(await made.db`SELECT count(*)::int AS n FROM migrations`).toEqual([{ n: applied.flat().length }]);
});

test('a database of a newer Kiln is refused by name', async () => {
  await made.db`INSERT INTO migrations (name) VALUES ('999-future.sql')`;
  await expect(migrate(made.db)).rejects.toThrow('999-future.sql');
});

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Database, openDatabase, type Transaction } from './database.ts';
import { testDatabase } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
  await made.db`CREATE TABLE notes (note text)`;
});
afterAll(async () => await made.drop());

/** Ends every connection of a handle from the server's side, as a restart of PostgreSQL does. */
async function cut(name: string): Promise<void> {
  await made.db`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ${name}`;
}

/** 'done', or the error that a promise was rejected with. One that never settles runs into the limit of the test. */
async function settled(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => 'done',
    (error: unknown) => error,
  );
}

/** Waits until the connection is in the middle of its transaction: the database sleeps for it, or waits for its next query. */
async function isUnderWay(name: string): Promise<void> {
  await expect
    .poll(
      async () =>
        await made.db`
          SELECT 1 AS found FROM pg_stat_activity WHERE application_name = ${name}
            AND (wait_event = 'PgSleep' OR (state = 'idle in transaction' AND query LIKE 'INSERT%'))`,
      { timeout: 20_000 },
    )
    .toHaveLength(1);
}

describe('a transaction whose connection ends', () => {
  // Vitest counts an exception that nobody catches as a failure, which is half of what these are about.
  test.each<[string, (sql: Transaction, lost: Promise<void>) => Promise<unknown>]>([
    ['during a query', async (sql) => await sql`SELECT pg_sleep(60)`],
    [
      'during several',
      async (sql) =>
        await Promise.all([sql`SELECT pg_sleep(60)`, sql`INSERT INTO notes VALUES ('piped')`, sql`SELECT 1`]),
    ],
    [
      'between two queries',
      async (sql, lost) => {
        await sql`INSERT INTO notes VALUES ('before')`;
        await lost;
        await sql`INSERT INTO notes VALUES ('after')`;
      },
    ],
    [
      'before the commit',
      async (sql, lost) => {
        await sql`INSERT INTO notes VALUES ('uncommitted')`;
        await lost;
      },
    ],
  ])('%s is told so, and nothing of it stays', async (_when, work) => {
    const db = openDatabase(made.address, { name: 'cut', connections: 1 });
    await db`SELECT 1`;
    const lost = Promise.withResolvers<void>();
    const ended = Promise.withResolvers<void>();
    const told = settled(db.begin(async (sql) => await work(sql, lost.promise).finally(ended.resolve)));
    await isUnderWay('cut');
    await cut('cut');
    expect(await told).toMatchObject({ code: 'CONNECTION_CLOSED' });
    // The first question of the handle's new connection may be told the old error.
    await settled(db`SELECT 1`);
    expect(await settled(db`SELECT 1`)).toBe('done');
    // Were it not held back the work would go on now, on the new connection, and be answered before the next question.
    lost.resolve();
    await ended.promise;
    expect(await settled(db`SELECT 1`)).toBe('done');
    expect(await db`SELECT note FROM notes`).toEqual([]);
    await db.end({ timeout: 0 });
  });
});

test.each([1, 8])('of %i connections that end, every later question is answered', async (connections) => {
  for (let round = 0; round < 5; round++) {
    const db = openDatabase(made.address, { name: 'cut', connections });
    await Promise.all(Array.from({ length: connections }, async () => await db`SELECT pg_sleep(0.01)`));
    await cut('cut');
    for (let n = 0; n < 12; n++) {
      const question = n % 2 === 0 ? db`SELECT 1` : db.begin(async (sql) => await sql`SELECT 1`);
      await settled(question);
    }
    await expect.poll(async () => await settled(db`SELECT 1`), { timeout: 20_000 }).toBe('done');
    await db.end({ timeout: 0 });
  }
});

test('questions that come while connections end are answered, all of them', async () => {
  const db: Database = openDatabase(made.address, { name: 'cut', connections: 4 });
  await Promise.all(Array.from({ length: 4 }, async () => await db`SELECT pg_sleep(0.01)`));
  const questions: Promise<unknown>[] = [];
  let cutting: Promise<void> | null = null;
  let after: number | null = null;
  for (let n = 0; after === null || n < after; n++) {
    questions.push(settled(n % 2 === 0 ? db`SELECT 1` : db.begin(async (sql) => await sql`SELECT 1`)));
    // Another handle's answer keeps the questions coming at the pace of the database.
    await made.db`SELECT 1`;
    if (n === 50)
      cutting = cut('cut').then(() => {
        after = questions.length + 100;
      });
  }
  await cutting;
  expect(await Promise.all(questions)).toHaveLength(questions.length);
  await db.end({ timeout: 0 });
});

test('a transaction that begins behind any number of questions, and however large they are, is one', async () => {
  const db = openDatabase(made.address, { name: 'pipelined', connections: 2 });
  await Promise.all([db`SELECT pg_sleep(0.05)`, db`SELECT pg_sleep(0.05)`]);
  const large = 'x'.repeat(1_000_000);
  for (const before of [0, 1, 50, 99, 100, 101, 150, 197, 198, 199, 200, 201, 202, 203, 204, 205, 300]) {
    const questions = Array.from({ length: before }, () => db`SELECT 1`.execute());
    const note = `after ${before}`;
    const transaction = db.begin(async (sql) => await sql`INSERT INTO notes VALUES (${note})`);
    const behind = before === 1 ? [] : [db`SELECT ${large} AS large`];
    await Promise.all([...questions, transaction, ...behind]);
    const largeFirst = db`SELECT ${large} AS large`.execute();
    await db.begin(async (sql) => await sql`INSERT INTO notes VALUES (${`${note}, large`})`);
    await largeFirst;
    expect((await made.db`DELETE FROM notes RETURNING note`).map((row) => row.note)).toEqual([note, `${note}, large`]);
  }
  await db.end({ timeout: 0 });
});

test('a server that is not there is told as ever, and a transaction that fails is rolled back as ever', async () => {
  const away = openDatabase({ ...made.address, port: 1 }, { name: 'away' });
  await expect(away`SELECT 1`).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  await away.end({ timeout: 0 });
  const failing = made.db.begin(async (sql) => {
    await sql`INSERT INTO notes VALUES ('rolled back')`;
    throw new Error('no');
  });
  await expect(failing).rejects.toThrow('no');
  // What comes from elsewhere may look like the error of a connection.
  const unreadable = made.db.begin(async () => await readFile('/nonexistent'));
  expect(await settled(unreadable)).toMatchObject({ code: 'ENOENT' });
  expect(await made.db`SELECT note FROM notes`).toEqual([]);
  expect(await made.db.begin(async (sql) => await sql`SELECT 7 AS seven`)).toEqual([{ seven: 7 }]);
});

import { createServer } from 'node:net';
import { createLogger } from '@kiln/service/log.ts';
import { openDatabase } from '@kiln/store/database.ts';
import { describeDatabase } from '@kiln/store/requirements.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { expect, test } from 'vitest';
import { CliError } from '../errors.ts';
import { openSchema } from './open-schema.ts';

const lines: string[] = [];
const log = createLogger({
  level: 'info',
  format: 'json',
  service: 'server',
  instance: 'test',
  destination: { write: (line: string) => void lines.push(line) },
});

test('an empty database gets the schema, once', async () => {
  const { db, drop } = await testDatabase();
  await db.unsafe('DROP SCHEMA public CASCADE; CREATE SCHEMA public').simple();
  await openSchema(db, log);
  await openSchema(db, log);
  expect(lines.filter((line) => line.includes('schema brought up to date'))).toHaveLength(1);
  await drop();
});

test('a PostgreSQL that never answers is named, without the password', async () => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  const port = typeof address === 'object' ? address?.port : 0;
  await new Promise((resolve) => probe.close(resolve));
  const db = openDatabase(`postgres://kiln:geheim@127.0.0.1:${port}/farm`, { name: 'test', connections: 1 });
  const failure = await openSchema(db, log, { patienceMs: 0 }).catch((error: unknown) => error);
  expect(failure).toEqual(
    new CliError(
      `Kiln can't use database "farm" at 127.0.0.1:${port} (user "kiln"): connect ECONNREFUSED 127.0.0.1:${port}; start it, or correct the address in database.url (KILN_DATABASE_URL)`,
    ),
  );
  await db.end();
});

test('a socket folder and several servers are named as the address has them', async () => {
  const socket = openDatabase('postgres://kiln:geheim@localhost/farm?host=/run/postgresql', { name: 'test' });
  expect(describeDatabase(socket)).toBe('database "farm" at /run/postgresql/.s.PGSQL.5432 (user "kiln")');
  const pair = openDatabase('postgres://kiln:geheim@db1,db2/farm', { name: 'test' });
  expect(describeDatabase(pair)).toBe('database "farm" at db1:5432,db2:5432 (user "kiln")');
});

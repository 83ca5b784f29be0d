import { randomBytes } from 'node:crypto';
import { inject } from 'vitest';
import { type Database, type DatabaseAddress, openDatabase } from './database.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: Exclude<DatabaseAddress, string>;
  }
}

/** A database of this test's own, copied from the migrated template. `drop` closes and removes it. */
export async function testDatabase(): Promise<{
  db: Database;
  address: Exclude<DatabaseAddress, string>;
  drop: () => Promise<void>;
}> {
  const server = inject('postgres');
  const name = `test_${randomBytes(6).toString('hex')}`;
  const admin = openDatabase({ ...server, database: 'postgres' }, { name: 'test-admin', connections: 1 });
  await admin.unsafe(`CREATE DATABASE ${name} TEMPLATE kiln_template`);
  const address = { ...server, database: name };
  const db = openDatabase(address, { name: 'test' });
  return {
    db,
    address,
    async drop() {
      await db.end({ timeout: 2 });
      await admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`);
      await admin.end({ timeout: 2 });
    },
  };
}

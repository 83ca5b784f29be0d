import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { openDatabase } from '../../packages/store/src/database.ts';
import { startEmbedded } from '../../packages/store/src/embedded.ts';
import { migrate } from '../../packages/store/src/migrate.ts';

/** One real PostgreSQL for the whole test run, with a migrated template that each test copies. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-test-postgres-'));
  const server = await startEmbedded(folder);
  const admin = openDatabase(server.address, { name: 'test-setup', connections: 1 });
  await admin.unsafe('CREATE DATABASE kiln_template');
  const template = openDatabase(
    { ...server.address, database: 'kiln_template' },
    { name: 'test-setup', connections: 1 },
  );
  await migrate(template);
  await template.end();
  await admin.end();
  project.provide('postgres', server.address);
  return async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

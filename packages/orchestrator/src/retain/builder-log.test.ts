import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@kiln/service/log.ts';
import { FolderBlobs } from '@kiln/store/blobs/folder.ts';
import { appendBuilderLogs } from '@kiln/store/builders/append-logs.ts';
import { LogStore } from '@kiln/store/logs/log-store.ts';
import { claim, finish, seedRun, testRecipe } from '@kiln/store/reads/testing-seed.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { expect, test } from 'vitest';
import { sealNext } from './seal.ts';
import { testFigures } from './testing-logs.ts';

test('what a builder posted is the same after sealing: contexts, components, and times that go back', async () => {
  const { db, drop } = await testDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'kiln-builder-log-'));
  const blobs = new FolderBlobs(folder);
  const logs = new LogStore({ db, blobs });
  await seedRun(db, testRecipe('vm'), '1');
  const [job] = await claim(db, randomUUID(), 'builder-1');
  if (!job) throw new Error('no job was claimed');
  const { jobId } = job;
  for (const [n, context] of ['', 'Installing', 'Installing', '', 'Configuring'].entries()) {
    const entries = [0, 1].map((k) => ({
      time: 1_700_000_000_000 - n * 1000,
      level: 'INFO' as const,
      component: k ? 'Installing' : 'PACKER',
      context: k ? context : '',
      lines: [`line ${n}.${k}`],
    }));
    const posted = await appendBuilderLogs(db, { jobId, builder: 'builder-1', batchId: String(n), entries });
    expect(posted.outcome).toBe('stored');
  }
  await finish(db, job, null, 5);
  const read = async () => {
    const standing = await logs.standing(jobId, 1);
    if (!standing) throw new Error('the attempt is gone');
    return { kept: standing.kept, lines: (await logs.page(jobId, standing, 1, 100)).lines };
  };
  const before = await read();
  expect(before.lines.map(({ context }) => context ?? '')).toEqual([
    '',
    '',
    '',
    'Installing',
    '',
    'Installing',
    '',
    '',
    '',
    'Configuring',
  ]);
  const log = createLogger({ level: 'error', format: 'json', service: 'orchestrator', instance: 'test' });
  await sealNext({ db, blobs, log, instance: 'test' }, testFigures(db), new AbortController().signal);
  const after = await read();
  expect([before.kept, after.kept]).toEqual(['live', 'sealed']);
  expect(after.lines).toEqual(before.lines);
  await drop();
  await rm(folder, { recursive: true });
});

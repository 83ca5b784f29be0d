import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { listPackages, type PublishedVersion, packageCursor, packagesOfRun, recordPackages } from './packages.ts';
import { testDatabase } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());
beforeEach(async () => {
  await made.db`TRUNCATE packages`;
});

const files = [{ name: 'a.tar', bytes: 3, sha256: 'f'.repeat(64) }];

async function record(version: string, more: Partial<PublishedVersion> = {}): Promise<string> {
  const runId = more.runId ?? randomUUID();
  const published = {
    repository: 'main',
    package: 'libfoo',
    version,
    recipe: 'libfoo',
    runId,
    files,
    keep: 1,
    ...more,
  };
  await made.db.begin(async (sql) => await recordPackages(sql, published));
  return runId;
}

async function active(repository = 'main'): Promise<string[]> {
  const rows = await listPackages(made.db, { repository, limit: 100 });
  return rows
    .filter((row) => row.active)
    .map((row) => `${row.package} ${row.version}`)
    .sort();
}

test('the highest versions of each package are active, whatever comes last', async () => {
  for (const version of ['1.9', '1.10', '1.2']) await record(version, { keep: 2 });
  await record('7', { package: 'nginx' });
  await record('3', { repository: 'testing' });
  expect(await active()).toEqual(['libfoo 1.10', 'libfoo 1.9', 'nginx 7']);
  expect(await active('testing')).toEqual(['libfoo 3']);
  await record('1.11', { keep: 1 });
  expect(await active()).toEqual(['libfoo 1.11', 'nginx 7']);
});

test('versions that are recorded at the same time agree on who is active', async () => {
  const versions = Array.from({ length: 20 }, (_, i) => String(i + 1));
  await Promise.all(versions.map(async (version) => await record(version, { keep: 3 })));
  expect(await active()).toEqual(['libfoo 18', 'libfoo 19', 'libfoo 20']);
});

test('a version that only the repository knows counts too', async () => {
  await record('1', { activeVersions: ['2'] });
  expect(await active()).toEqual([]);
});

test('the same version again keeps the first run', async () => {
  const first = await record('1', { publishedAt: '2026-05-07T14:32:11.123Z' });
  const second = await record('1');
  expect(await packagesOfRun(made.db, first)).toEqual([
    {
      repository: 'main',
      package: 'libfoo',
      version: '1',
      recipe: 'libfoo',
      runId: first,
      publishedAt: '2026-05-07T14:32:11.123Z',
      active: true,
      files,
    },
  ]);
  expect(await packagesOfRun(made.db, second)).toEqual([]);
});

test('pages follow each other without gap or repeat, newest first', async () => {
  const sameTime = '2026-05-07T14:32:11.123Z';
  for (let i = 0; i < 7; i++) await record(`1.${i}`, { publishedAt: sameTime });
  await record('2', { publishedAt: '2026-05-08T00:00:00.000Z', recipe: 'other' });
  const seen: string[] = [];
  let cursor: string | undefined;
  for (;;) {
    const page = await listPackages(made.db, { limit: 3, cursor });
    seen.push(...page.map((one) => one.version));
    const last = page.at(-1);
    if (!last || page.length < 3) break;
    cursor = packageCursor(last);
  }
  expect(seen).toEqual(['2', '1.6', '1.5', '1.4', '1.3', '1.2', '1.1', '1.0']);
  expect((await listPackages(made.db, { recipe: 'other', limit: 9 })).map((one) => one.version)).toEqual(['2']);
});

test.each(['', 'x', Buffer.from('["2026","a\\u0000","b","c"]').toString('base64url')])(
  'the cursor "%s" is refused',
  async (cursor) => {
    await expect(listPackages(made.db, { limit: 1, cursor })).rejects.toThrow(TypeError);
  },
);

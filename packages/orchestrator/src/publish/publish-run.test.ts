import { chmod, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { archiveVersions } from './archive.ts';
import { prune } from './generation.ts';
import { repositoryPaths } from './paths.ts';
import { publishRun } from './publish-run.ts';
import { shown, stageRun, type TestFarm, testFarm, tree, verifyView } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let farm: TestFarm;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());
beforeEach(async () => {
  farm = await testFarm(made.db);
  await made.db`DELETE FROM signing_keys`;
});
afterEach(async () => await farm.remove());

async function publish(name: string, version: string, files: Parameters<typeof stageRun>[3], orders = {}) {
  return await publishRun(farm.context, await stageRun(farm.context.blobs, name, version, files, orders));
}

describe('the repository folder', () => {
  test('holds the archive and a signed view, and nothing else', async () => {
    const result = await publish('libfoo', '1.0', { 'out/libfoo-1.0.tar.gz': 'one', 'out/doc/readme': 'two' });
    expect(result.files.map(({ name, bytes }) => [name, bytes])).toEqual([
      ['libfoo-1.0.tar.gz', 3],
      ['readme', 3],
    ]);
    expect(result.activeVersions).toEqual(['1.0']);
    expect(await tree(farm.repository())).toEqual([
      'active -> generations/1',
      'archive/index.json',
      'archive/libfoo/1.0/libfoo-1.0.tar.gz',
      'archive/libfoo/1.0/manifest.json',
      'archive/libfoo/1.0/readme',
      'generations/1/SHA256SUMS',
      'generations/1/files/libfoo/1.0 -> ../../../../archive/libfoo/1.0',
      'generations/1/index.json',
      'generations/1/index.json.sig',
      'generations/1/key.pem',
      'generations/1/pool -> ../../archive',
    ]);
    expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 1.0']);
  });

  test('can be read by a web server of another user, while the keys can not', async () => {
    const umask = process.umask(0o077);
    try {
      await publish('libfoo', '1.0', { a: 'one' });
    } finally {
      process.umask(umask);
    }
    const mode = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);
    const root = farm.repository();
    for (const path of ['.', 'archive/libfoo', 'active/', 'active/files/libfoo', 'active/files/libfoo/1.0/'])
      expect([path, await mode(join(root, path))]).toEqual([path, '755']);
    expect(await mode(join(root, 'active/index.json'))).toBe('644');
    expect(await mode(join(root, 'archive/libfoo/1.0/a'))).toBe('444');
    expect(await mode(join(farm.context.config.dataDir, 'keys'))).toBe('700');
    expect(await mode(join(farm.context.config.dataDir, 'keys/main.pem'))).toBe('600');
  });

  test('does not change with the staged files', async () => {
    const run = await stageRun(farm.context.blobs, 'libfoo', '1.0', { a: 'one' });
    await publishRun(farm.context, run);
    await farm.context.blobs.put(run.artifacts[0]?.key ?? '', Buffer.from('changed'));
    await verifyView(farm.repository());
  });

  test('takes versions with any character without leaving its place', async () => {
    const versions = ['../../evil', 'release/1.2', '.', '1:2.0~rc1+git', 'ü 3'];
    for (const version of versions) await publish('libfoo', version, { a: version }, { keep: 9 });
    expect(shown(await verifyView(farm.repository())).sort()).toEqual(versions.map((one) => `libfoo ${one}`).sort());
    expect(await archiveVersions(farm.context.config.repositoriesDir, 'main', 'libfoo')).toEqual(new Set(versions));
    const evil = (await tree(farm.context.config.dataDir)).filter((path) => path.includes('evil'));
    expect(evil.filter((path) => !path.startsWith('repositories/main/'))).toEqual([]);
  });
});

describe('the active view', () => {
  test('shows the highest versions of each package, whatever the order of publishing', async () => {
    for (const version of ['1.9', '1.10', '1.2']) await publish('libfoo', version, { a: version }, { keep: 2 });
    for (const version of ['2.0', '2.0-rc1']) await publish('nginx', version, { a: version });
    const index = await verifyView(farm.repository());
    expect(shown(index)).toEqual(['libfoo 1.10', 'libfoo 1.9', 'nginx 2.0']);
    expect(await archiveVersions(farm.context.config.repositoriesDir, 'main', 'libfoo')).toEqual(
      new Set(['1.10', '1.9', '1.2']),
    );
  });

  test('follows a changed `keep` with the next version', async () => {
    await publish('libfoo', '1', { a: '1' });
    await publish('libfoo', '2', { a: '2' }, { keep: 3 });
    expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 2', 'libfoo 1']);
    await publish('other', '1', { a: '1' });
    expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 2', 'libfoo 1', 'other 1']);
  });

  test('is one of its own in each repository, with its own key', async () => {
    await publish('libfoo', '1', { a: '1' });
    await publish('libfoo', '2', { a: '2' }, { repository: 'testing' });
    expect(shown(await verifyView(farm.repository('main')))).toEqual(['libfoo 1']);
    expect(shown(await verifyView(farm.repository('testing')))).toEqual(['libfoo 2']);
    const key = async (name: string) => await readFile(join(farm.repository(name), 'active/key.pem'), 'utf8');
    expect(await key('main')).not.toBe(await key('testing'));
  });

  test('keeps the last few generations for whoever still reads them', async () => {
    for (let version = 1; version <= 5; version++) await publish('libfoo', String(version), { a: String(version) });
    const index = await verifyView(farm.repository());
    expect(index.generation).toBe(5);
    const kept = async () => await readdir(join(farm.repository(), 'generations'));
    expect(await kept()).toEqual(['1', '2', '3', '4', '5']);
    await mkdir(join(farm.repository(), '.tmp'));
    await prune(repositoryPaths(farm.context.config.repositoriesDir, 'main'), Date.now() + 3_600_000);
    expect(await kept()).toEqual(['3', '4', '5']);
  });
});

describe('the archive', () => {
  test('takes the same bytes again and refuses others', async () => {
    const first = await publish('libfoo', '1.0', { a: 'one', b: 'two' });
    const again = await publish('libfoo', '1.0', { 'moved/a': 'one', b: 'two' });
    expect(again).toEqual(first);
    await expect(publish('libfoo', '1.0', { a: 'one', b: 'changed' })).rejects.toThrow(
      /libfoo 1\.0 was published to main by run .* with other contents \(b had SHA-256 .*immutable/,
    );
    await expect(publish('libfoo', '1.0', { a: 'one' })).rejects.toThrow(/b is missing/);
    await expect(publish('libfoo', '1.0', { a: 'one', b: 'two', c: '' })).rejects.toThrow(/c is new/);
    expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 1.0']);
    expect((await tree(farm.repository())).filter((path) => path.includes('.tmp'))).toEqual([]);
  });

  test('has no versions where there is no repository, package or index', async () => {
    const versions = async (repository: string, name: string) =>
      await archiveVersions(farm.context.config.repositoriesDir, repository, name);
    expect(await versions('main', 'libfoo')).toEqual(new Set());
    await publish('libfoo', '1.0', { a: 'one' });
    expect(await versions('main', 'constructor')).toEqual(new Set());
    expect(await versions('main', 'libfoo')).toEqual(new Set(['1.0']));
  });

  test.each([
    ['not JSON', '{"format":1,"pack', 'is not JSON'],
    ['another shape', '{"format":1,"packages":{"libfoo":{"keep":"x","versions":[]}}}', 'is damaged at'],
  ])('says which index is damaged (%s), and the next publish makes it anew', async (_what, text, message) => {
    const { repositoriesDir } = farm.context.config;
    await publish('libfoo', '1.0', { a: 'one' }, { keep: 2 });
    const file = join(farm.repository(), 'archive/index.json');
    await writeFile(file, text);
    await expect(archiveVersions(repositoriesDir, 'main', 'libfoo')).rejects.toThrow(`${file} ${message}`);
    await publish('other', '1', { a: 'one' });
    expect(await archiveVersions(repositoriesDir, 'main', 'libfoo')).toEqual(new Set(['1.0']));
    await publish('libfoo', '1.1', { a: 'two' }, { keep: 2 });
    expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 1.1', 'libfoo 1.0', 'other 1']);
  });

  test('leaves out a version whose manifest is damaged, and says so', async () => {
    await publish('libfoo', '1.0', { a: 'one' });
    const file = join(farm.repository(), 'archive/libfoo/1.0/manifest.json');
    await chmod(file, 0o644);
    await writeFile(file, '{}');
    await publish('other', '1', { a: 'one' });
    expect(shown(await verifyView(farm.repository()))).toEqual(['other 1']);
    expect(farm.warnings).toMatchObject([{ fields: { package: 'libfoo', version: '1.0' } }]);
    await expect(publish('libfoo', '1.0', { a: 'one' })).rejects.toThrow(file);
  });
});

describe('outputs that were staged before they were blobs', () => {
  test('are published from their folder, which another machine may have', async () => {
    const run = await stageRun(farm.context.blobs, 'libfoo', '1.0', { 'out/a': 'one' });
    const [artifact] = run.artifacts;
    if (!artifact) throw new Error('nothing is staged');
    await farm.context.blobs.remove(artifact.key ?? '');
    const before = { ...run, artifacts: [{ ...artifact, key: null }] };
    const failure = await publishRun(farm.context, before).catch((error: unknown) => error);
    expect(failure).toMatchObject({ final: false, message: expect.stringContaining('the orchestrator that took it') });
    const folder = join(farm.context.config.stagingDir, run.runId, `${artifact.jobId}-1`, 'out');
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'a'), 'one');
    await publishRun(farm.context, before);
    expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 1.0']);
  });
});

describe('a publish is refused', () => {
  test('when two files would have one name', async () => {
    await expect(publish('libfoo', '1', { 'a/x.tar': '1', 'b/x.tar': '2' })).rejects.toThrow(
      'two files would be published as x.tar: a/x.tar and b/x.tar',
    );
  });

  test('when its patterns match nothing, and says what there was', async () => {
    await expect(publish('libfoo', '1', { 'out/a.tar': '1' }, { files: ['*.tar', 'dist/*'] })).rejects.toThrow(
      'publish.files matches nothing: *.tar, dist/* against out/a.tar',
    );
    await expect(publish('libfoo', '1', {})).rejects.toThrow('the run kept no artifacts');
  });

  test('when a staged file is gone or has other bytes, and leaves no trace', async () => {
    const run = await stageRun(farm.context.blobs, 'libfoo', '1', { a: 'one', b: 'two' });
    const key = run.artifacts[1]?.key ?? '';
    await farm.context.blobs.put(key, Buffer.from('twisted'));
    await expect(publishRun(farm.context, run)).rejects.toThrow('the staged output b has SHA-256');
    await farm.context.blobs.remove(key);
    await expect(publishRun(farm.context, run)).rejects.toThrow('the staged output b is not at');
    expect(await tree(farm.repository())).toEqual([]);
    await farm.context.blobs.put(key, Buffer.from('two'));
    await publishRun(farm.context, run);
    await verifyView(farm.repository());
  });

  test('when a name would lead out of the folder', async () => {
    await expect(publish('libfoo', '1', { a: '1' }, { repository: '../x' })).rejects.toThrow('name of a repository');
    await expect(publish('libfoo', '1', { a: '1' }, { package: '..' })).rejects.toThrow('name of a package');
  });

  test('when it is a Debian package and the machine has no dpkg-deb', async () => {
    const path = process.env.PATH;
    process.env.PATH = farm.context.config.dataDir;
    try {
      await expect(publish('libfoo', '1', { 'out/libfoo.deb': '1' })).rejects.toThrow(
        'libfoo.deb is a Debian package, and publishing one needs the program dpkg-deb',
      );
    } finally {
      process.env.PATH = path;
    }
    expect(await archiveVersions(farm.context.config.repositoriesDir, 'main', 'libfoo')).toEqual(new Set());
  });

  test('when its file has the name of the manifest', async () => {
    await expect(publish('libfoo', '1', { 'out/manifest.json': '1' })).rejects.toThrow('give it another name');
  });

  test('when the signing key is lost or another one, until people say that they mean it', async () => {
    await publish('libfoo', '1', { a: '1' });
    const key = join(farm.context.config.dataDir, 'keys/main.pem');
    await rm(key);
    await made.db`DELETE FROM signing_keys`;
    await expect(publish('libfoo', '2', { a: '2' })).rejects.toThrow(`the signing key ${key} is missing`);
    await publish('libfoo', '1', { a: '1' }, { repository: 'testing' });
    await writeFile(key, await readFile(join(farm.context.config.dataDir, 'keys/testing.pem')));
    await expect(publish('libfoo', '2', { a: '2' })).rejects.toThrow(`another key than ${key}`);
    expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 1']);
    await made.db`DELETE FROM signing_keys WHERE name = 'main.pem'`;
    await expect(publish('libfoo', '2', { a: '2' })).rejects.toThrow(`another key than ${key}`);
    await rm(join(farm.repository(), 'active/key.pem'));
    await publish('libfoo', '2', { a: '2' });
    expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 2']);
  });

  test('when the disk is in the way, and the next try publishes the same staged files', async () => {
    const run = await stageRun(farm.context.blobs, 'libfoo', '1', { a: '1' });
    await mkdir(farm.context.config.repositoriesDir, { recursive: true });
    await writeFile(farm.repository(), 'a file where the repository should be');
    await expect(publishRun(farm.context, run)).rejects.toThrow('ENOTDIR');
    await rm(farm.repository());
    await publishRun(farm.context, run);
    expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 1']);
  });
});

import { execFile, spawnSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { publishRun } from '@kiln/orchestrator/publish/publish-run.ts';
import { stageRun, type TestFarm, testFarm, verifyView } from '@kiln/orchestrator/publish/testing.ts';
import { startS3 } from '@kiln/store/blobs/testing-s3.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { until } from './support/until.ts';

/*
 * The repository as Debian's own apt, gpgv and dpkg see it. On a machine without apt there is nothing to ask, but a CI
 * that says it checked this must have it.
 */
const present = spawnSync('apt-get', ['--version']).status === 0;
if (!present && process.env.CI === 'true') throw new Error('CI has no apt-get; install apt, or this is not checked');

const run = promisify(execFile);
let made: Awaited<ReturnType<typeof testDatabase>>;
let farm: TestFarm;
let server: Server;
let root: string;
let architecture: string;

describe.runIf(present)('apt', () => {
  beforeAll(async () => {
    made = await testDatabase();
    architecture = (await run('dpkg', ['--print-architecture'])).stdout.trim();
  });
  afterAll(async () => await made.drop());
  beforeEach(async () => {
    farm = await testFarm(made.db);
    root = await machine();
    server = createServer((request, response) => serve(farm.repository(), request.url ?? '/', response));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  });
  afterEach(async () => {
    server.close();
    server.closeAllConnections();
    await farm.remove();
    await rm(root, { recursive: true, force: true });
  });

  test('installs a package, and sees its next version as an upgrade', async () => {
    await publish('hello', '1.0-1', [await deb('hello', '1.0-1', architecture)]);
    await trust();
    await apt('update');
    expect(await apt('policy', 'hello')).toContain('Candidate: 1.0-1');
    await install('hello');
    expect(await installed('hello')).toBe('1.0-1');

    await publish('hello', '1.0+really~2', [await deb('hello', '1:1.0+really~2', architecture)]);
    await apt('update');
    expect(await apt('--simulate', 'upgrade')).toContain('Inst hello [1.0-1] (1:1.0+really~2 main:stable');
    await install('hello');
    expect(await installed('hello')).toBe('1:1.0+really~2');
    expect((await run(join(root, 'usr/bin/hello'))).stdout).toBe('hello 1:1.0+really~2\n');
  });

  test('installs and upgrades from a bucket, without Kiln in between', async () => {
    const s3 = await startS3();
    const config = { ...farm.context.config, repositoriesBucket: { name: s3.bucket, prefix: 'farm/' }, s3: s3.access };
    const publishTo = async (version: string, debVersion: string) => {
      const files = { 'out/hello.deb': await deb('hello', debVersion, architecture) };
      await publishRun({ ...farm.context, config }, await stageRun(farm.context.blobs, 'hello', version, files));
    };
    try {
      await publishTo('1.0', '1.0');
      await trust('main', `${s3.endpoint}/${s3.bucket}/farm/main`);
      await apt('update');
      await install('hello');
      expect(await installed('hello')).toBe('1.0');
      // apt asks for what changed since the time that the service told, and HTTP tells it in whole seconds.
      const release = await fetch(`${s3.endpoint}/${s3.bucket}/farm/main/active/dists/stable/InRelease`);
      const told = Date.parse(release.headers.get('last-modified') ?? '');
      await until('that second is over', () => Date.now() >= told + 1000);
      await publishTo('1:2.0+x~y', '1:2.0+x~y');
      await apt('update');
      await install('hello');
      expect(await installed('hello')).toBe('1:2.0+x~y');
    } finally {
      await s3.stop();
    }
  });

  test('resolves a dependency between two packages, one for every architecture', async () => {
    await publish('hello', '1', [await deb('hello', '1', architecture, 'Depends: hello-data (>= 2)\n')]);
    await publish('hello-data', '2 with spaces', [await deb('hello-data', '2', 'all')], 'data (all).deb');
    await trust();
    await apt('update');
    await install('hello');
    expect(await installed('hello')).toBe('1');
    expect(await installed('hello-data')).toBe('2');
    const lists = await readdir(join(farm.repository(), 'active/dists/stable/main'));
    expect(lists).toEqual([`binary-all`, `binary-${architecture}`].sort());
  });

  test('finds packages for every architecture on any usual machine', async () => {
    await publish('data', '1', [await deb('data', '1', 'all')]);
    await trust();
    for (const one of ['amd64', 'arm64', 'riscv64']) {
      await apt('-o', `APT::Architecture=${one}`, '-o', `APT::Architectures::=${one}`, 'update');
      expect(await apt('-o', `APT::Architecture=${one}`, 'policy', 'data')).toContain('Candidate: 1');
    }
  });

  test('still gets an older file that it learned of before the last publish', async () => {
    await publish('hello', '1', [await deb('hello', '1', architecture)]);
    await trust();
    await apt('update');
    await publish('hello', '2', [await deb('hello', '2', architecture)]);
    await install('hello');
    expect(await installed('hello')).toBe('1');
  });

  test('gets by hash the package list of the Release that it read a moment before', async () => {
    await publish('hello', '1', [await deb('hello', '1', architecture)]);
    const release = await readFile(join(farm.repository(), 'active/dists/stable/Release'), 'utf8');
    await publish('hello', '2', [await deb('hello', '2', architecture)]);
    const hashes = [...release.matchAll(/^ ([0-9a-f]{64}) \d+ (.*)\/Packages(?:\.gz)?$/gm)];
    expect(hashes).toHaveLength(2);
    for (const [, hash = '', list = ''] of hashes)
      await stat(join(farm.repository(), 'active/dists/stable', list, 'by-hash/SHA256', hash));
  });

  test('refuses a package list, a release or a package that was tampered with', async () => {
    await publish('hello', '1', [await deb('hello', '1', architecture)]);
    await trust();
    const dist = join(await realpath(join(farm.repository(), 'active')), 'dists/stable');
    const genuine = await mkdtemp(join(tmpdir(), 'kiln-dists-'));
    await cp(dist, genuine, { recursive: true });
    const restore = async () => {
      await rm(dist, { recursive: true });
      await cp(genuine, dist, { recursive: true });
    };
    const lists = join(dist, 'main', `binary-${architecture}`);
    for (const file of await filesBelow(lists)) await tamper(file);
    await expect(apt('update')).rejects.toThrow(/Hash Sum mismatch|unexpected size/);

    await restore();
    await writeFile(join(dist, 'InRelease'), (await readFile(join(dist, 'InRelease'), 'utf8')).replace('Kiln', 'Klin'));
    await expect(apt('update')).rejects.toThrow(/BADSIG|invalid signature/i);

    await restore();
    await rm(genuine, { recursive: true });
    await apt('update');
    const package_ = join(farm.repository(), 'archive/hello/1/hello_1.deb');
    await tamper(package_);
    await expect(install('hello')).rejects.toThrow(/Hash Sum mismatch|unexpected size/);
  });

  test('refuses another key', async () => {
    await publish('hello', '1', [await deb('hello', '1', architecture)]);
    await publish('other', '1', [await deb('other', '1', architecture)], undefined, 'other');
    await trust('other');
    await expect(apt('update')).rejects.toThrow(/NO_PUBKEY|not signed|public key is not available/i);
  });

  test('has signatures that gpgv verifies, inside and beside', async () => {
    const began = Math.floor(Date.now() / 1000) * 1000;
    await publish('hello', '1', [await deb('hello', '1', architecture)]);
    const view = await realpath(join(farm.repository(), 'active'));
    const keyring = join(root, 'key.gpg');
    const armored = await readFile(join(view, 'key.asc'), 'utf8');
    await writeFile(keyring, Buffer.from(armored.split('\n\n')[1]?.split('\n=')[0] ?? '', 'base64'));
    const gpgv = async (...args: string[]) => (await run('gpgv', ['--keyring', keyring, ...args])).stderr;
    const dist = join(view, 'dists/stable');
    expect(await gpgv(join(dist, 'InRelease'))).toContain('Good signature from "Kiln repository main"');
    expect(await gpgv(join(dist, 'Release.gpg'), join(dist, 'Release'))).toContain('Good signature');
    const release = await readFile(join(dist, 'Release'), 'utf8');
    const date = Date.parse(/^Date: (.*)$/m.exec(release)?.[1] ?? '');
    expect(date).toBeGreaterThanOrEqual(began);
    expect(date).toBeLessThanOrEqual(Date.now());
    expect((await readFile(join(dist, 'InRelease'), 'utf8')).split('\n\n')[1]).toBe(release.trimEnd());
    await verifyView(farm.repository());
  });

  test('is not offered a file that is no package, nor a second one with the same name', async () => {
    const good = await deb('hello', '1', architecture);
    await expect(publish('broken', '1', [Buffer.from('no package')])).rejects.toThrow(
      'broken_1.deb is not a Debian package that dpkg-deb can read',
    );
    await publish('hello', '1', [good]);
    await publish('same', '1', [good]);
    await expect(publish('hello2', '1', [await deb('hello', '1', architecture, 'Section: misc\n')])).rejects.toThrow(
      `the Debian package hello 1 ${architecture} is in the repository with other bytes: hello2_1.deb of hello2 1 and hello_1.deb of hello 1`,
    );
    await trust();
    await apt('update');
    await install('hello');
    expect(await installed('hello')).toBe('1');
  });
});

/** A folder that is a whole Debian machine to apt and dpkg, with nothing installed. */
async function machine(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-apt-'));
  for (const path of [
    'etc/apt/preferences.d',
    'etc/apt/keyrings',
    'var/lib/apt/lists/partial',
    'var/cache/apt/archives/partial',
    'var/log/apt',
    'var/lib/dpkg/info',
    'var/lib/dpkg/updates',
  ])
    await mkdir(join(folder, path), { recursive: true });
  await writeFile(join(folder, 'var/lib/dpkg/status'), '');
  await writeFile(join(folder, 'var/lib/dpkg/available'), '');
  return folder;
}

async function trust(keyOf = 'main', base = serverAddress()): Promise<void> {
  const key = join(root, 'etc/apt/keyrings/kiln.asc');
  await writeFile(key, await readFile(join(farm.repository(keyOf), 'active/key.asc')));
  await writeFile(join(root, 'etc/apt/sources.list'), `deb [signed-by=${key}] ${base}/active stable main\n`);
}

function serverAddress(): string {
  const address = server.address();
  return `http://127.0.0.1:${address && typeof address === 'object' ? address.port : 0}`;
}

/** apt-get (apt-cache for `policy`) with everything that it reads and writes under the machine's folder. */
async function apt(...args: string[]): Promise<string> {
  const settings = {
    Dir: `${root}/`,
    'Dir::State::status': join(root, 'var/lib/dpkg/status'),
    'Dir::Etc::trusted': '/dev/null',
    'Dir::Etc::trustedparts': '/dev/null',
    'Dir::Bin::methods': '/usr/lib/apt/methods',
    'Dir::Bin::dpkg': '/usr/bin/dpkg',
    'APT::Sandbox::User': 'root',
    'APT::Architecture': architecture,
    'APT::Get::Assume-Yes': 'true',
    'APT::Update::Error-Mode': 'any',
    'Acquire::http::Proxy': 'DIRECT',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '0',
    'Debug::NoLocking': 'true',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const program = args.includes('policy') ? 'apt-cache' : 'apt-get';
  const env = {
    PATH: process.env.PATH ?? '',
    LC_ALL: 'C.UTF-8',
    DEBIAN_FRONTEND: 'noninteractive',
    APT_CONFIG: '/dev/null',
  };
  return (await run(program, [...options, ...args], { env })).stdout;
}

/** Installs with dpkg where the test may set owners, and unpacks what apt downloaded where it may not. */
async function install(name: string): Promise<void> {
  if (process.getuid?.() === 0) {
    const dpkg = ['--root', root, '--force-bad-path', '--force-unsafe-io'].flatMap((one) => [
      '-o',
      `DPkg::Options::=${one}`,
    ]);
    await apt(...dpkg, '-o', 'DPkg::Use-Pty=false', 'install', name);
    return;
  }
  await apt('--download-only', 'install', name);
  const cache = join(root, 'var/cache/apt/archives');
  for (const file of (await readdir(cache)).filter((one) => one.endsWith('.deb'))) {
    await run('dpkg-deb', ['-x', join(cache, file), root]);
    const control = (await run('dpkg-deb', ['--field', join(cache, file)])).stdout;
    const others = (await readFile(join(root, 'var/lib/dpkg/status'), 'utf8'))
      .split('\n\n')
      .filter((one) => one && !one.startsWith(`${control.split('\n')[0]}\n`));
    const stanzas = [...others, `${control.trimEnd()}\nStatus: install ok installed`];
    await writeFile(join(root, 'var/lib/dpkg/status'), `${stanzas.join('\n\n')}\n\n`);
    await rm(join(cache, file));
  }
}

async function installed(name: string): Promise<string> {
  return (await run('dpkg-query', ['--root', root, '--showformat', '${Version}', '--show', name])).stdout;
}

/** Builds a package that holds a program which says its name and version. */
async function deb(name: string, version: string, target: string, more = ''): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'kiln-deb-'));
  try {
    const program = join(folder, 'tree/usr/bin', name);
    await mkdir(join(folder, 'tree/DEBIAN'), { recursive: true });
    await mkdir(dirname(program), { recursive: true });
    await writeFile(program, `#!/bin/sh\necho '${name} ${version}'\n`);
    await chmod(program, 0o755);
    await writeFile(
      join(folder, 'tree/DEBIAN/control'),
      `Package: ${name}\nVersion: ${version}\nArchitecture: ${target}\nMaintainer: Kiln <kiln@example.org>\n${more}Description: says hello\n It is made by a test.\n .\n And has a long description.\n`,
    );
    await run('dpkg-deb', ['--build', '--root-owner-group', join(folder, 'tree'), join(folder, 'out.deb')]);
    return await readFile(join(folder, 'out.deb'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function publish(
  name: string,
  version: string,
  debs: Buffer[],
  file?: string,
  repository = 'main',
): Promise<void> {
  const files = Object.fromEntries(debs.map((data) => [`out/${file ?? `${name}_${version}.deb`}`, data]));
  await publishRun(farm.context, await stageRun(farm.context.blobs, name, version, files, { repository }));
}

async function tamper(path: string): Promise<void> {
  const data = await readFile(path);
  data[data.length - 1] = (data.at(-1) ?? 0) ^ 1;
  await rm(path);
  await writeFile(path, data);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** A plain static web server: a path is a file, links and all. */
async function serve(folder: string, url: string, response: ServerResponse): Promise<void> {
  const path = join(folder, normalize(decodeURIComponent(url)));
  const file = await stat(path).catch(() => null);
  if (!file?.isFile()) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-length': file.size, 'last-modified': file.mtime.toUTCString() });
  await pipeline(createReadStream(path), response).catch(() => response.destroy());
}

import { spawn } from 'node:child_process';
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { startS3, type TestS3 } from '@kiln/store/blobs/testing-s3.ts';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { publishRun, type RunToPublish } from './publish-run.ts';
import { type Index, shown, stageRun, type TestFarm, testFarm, tree, verifyView } from './testing.ts';
import type { PublisherOrders } from './testing-publisher.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
let s3: TestS3;
let farm: TestFarm;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());
beforeEach(async () => {
  s3 = await startS3();
  farm = await testFarm(made.db, s3.access);
  await made.db`DELETE FROM signing_keys`;
});
afterEach(async () => {
  await farm.remove();
  await s3.stop();
});

async function stage(name: string, version: string, of = farm): Promise<RunToPublish> {
  const files = { 'out/a+b.txt': `${name} ${version}`, 'out/c.bin': Buffer.alloc(50_000, version) };
  return await stageRun(of.context.blobs, name, version, files, { keep: 2 });
}

/** What anybody reads of the bucket, without keys. */
async function fetched(path: string): Promise<Response> {
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  return await fetch(`${s3.endpoint}/kiln/repositories/main/${encoded}`);
}

async function bytesOf(path: string): Promise<Buffer> {
  const response = await fetched(path);
  if (response.status !== 200) throw new Error(`${path}: ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

/** Reads the view as a careful client does: the signature (by its generation, where a switch is under way), every file. */
async function verifyBucket(): Promise<Index> {
  let index = await bytesOf('active/index.json');
  const key = await bytesOf('active/key.pem');
  const { generation }: Index = JSON.parse(String(index));
  const signature = await bytesOf(`generations/${generation}/index.json.sig`);
  if (!verify(null, index, key.toString(), Buffer.from(signature.toString(), 'base64')))
    throw new Error('bad signature');
  index = await bytesOf(`generations/${generation}/index.json`);
  const parsed: Index = JSON.parse(String(index));
  for (const file of parsed.packages.flatMap((one) => one.versions.flatMap((version) => version.files))) {
    const data = await bytesOf(`active/${file.path}`);
    const sha256 = createHash('sha256').update(data).digest('hex');
    if (data.length !== file.bytes || sha256 !== file.sha256) throw new Error(`${file.path} has other bytes`);
  }
  return parsed;
}

/** Publishes in a process of its own, which dies at a step. */
async function publisher(run: RunToPublish, killAt: number | null): Promise<{ ended: unknown; steps: number }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing-publisher.ts')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const orders: PublisherOrders = { address: made.address, config: farm.context.config, runs: [run], killAt };
  child.stdin.end(JSON.stringify(orders));
  const output = text(child.stdout);
  const ended = await new Promise((done) => child.once('exit', (code, signal) => done(signal ?? code)));
  return { ended, steps: Number(await output) };
}

test('a bucket has the archive and the view, each object with what proxies must know', async () => {
  await publishRun(farm.context, await stage('libfoo', '1:1.0'));
  expect(shown(await verifyBucket())).toEqual(['libfoo 1:1.0']);
  await verifyView(farm.repository());
  const file = await fetched('active/pool/libfoo/1%3A1.0/a+b.txt');
  expect(await file.text()).toBe('libfoo 1:1.0');
  expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(file.headers.get('content-type')).toMatch(/^text\/plain/);
  const index = await fetched('active/index.json');
  expect(index.headers.get('cache-control')).toBe('no-cache');
  expect(index.headers.get('content-type')).toMatch(/^application\/json/);
  const uploads: string[] = [];
  s3.interrupt = ({ method, url }) => {
    if (method === 'PUT') uploads.push(url ?? '');
    return false;
  };
  await publishRun(farm.context, await stage('libfoo', '1:1.1'));
  // What is there already is not sent again, and the index comes last.
  expect(uploads.filter((url) => url.includes('1.0'))).toEqual([]);
  expect(uploads.at(-1)).toMatch(/\/active\/index\.json$/);
  for (const version of ['2', '3', '4', '5']) await publishRun(farm.context, await stage('libfoo', version));
  expect(shown(await verifyBucket())).toEqual(['libfoo 1:1.1', 'libfoo 1:1.0']);
}, 60_000);

test('a publisher killed at any step leaves a good view in the bucket, and the next one ends its work', async () => {
  await publishRun(farm.context, await stage('libfoo', '0.9'));
  const whole = await publisher(await stage('libfoo', '1.0'), null);
  expect(whole.ended).toBe(0);
  expect(whole.steps).toBeGreaterThan(45);
  const rounds = 16;
  for (let round = 1; round <= rounds; round++) {
    const version = `1.${round}`;
    const run = await stage('libfoo', version);
    const killed = await publisher(run, Math.ceil((whole.steps * (rounds + round)) / (2 * rounds)));
    expect([round, killed.ended]).toEqual([round, 'SIGKILL']);
    expect([`libfoo ${version}`, `libfoo 1.${round - 1}`]).toContain(shown(await verifyBucket())[0]);
    await publishRun(farm.context, run);
    expect(shown(await verifyBucket())[0]).toBe(`libfoo ${version}`);
  }
}, 120_000);

test('a service that is away fails the publish with its name, and the next try puts all that is missing', async () => {
  await publishRun(farm.context, await stage('libfoo', '1'));
  const run = await stage('libfoo', '2');
  s3.interrupt = (request, response) => {
    if (
      request.method !== 'PUT' ||
      (!request.url?.endsWith('InRelease') && !request.url?.endsWith('/active/SHA256SUMS'))
    )
      return false;
    request.resume();
    response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>');
    return true;
  };
  await expect(publishRun(farm.context, run)).rejects.toThrow(/bucket kiln at http.*AccessDenied; give the access key/);
  expect(shown(await verifyBucket())).toEqual(['libfoo 1']);
  s3.interrupt = null;
  await publishRun(farm.context, run);
  expect(shown(await verifyBucket())).toEqual(['libfoo 2', 'libfoo 1']);
}, 60_000);

test('a lost disk, or another machine, gets the archive back from the bucket', async () => {
  await publishRun(farm.context, await stage('libfoo', '1'));
  await publishRun(farm.context, await stage('nginx', '7'));
  const before = (await tree(farm.repository())).filter((path) => path.startsWith('archive/'));
  await rm(farm.repository(), { recursive: true });
  await publishRun(farm.context, await stage('libfoo', '2'));
  expect(shown(await verifyBucket())).toEqual(['libfoo 2', 'libfoo 1', 'nginx 7']);
  expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 2', 'libfoo 1', 'nginx 7']);
  expect(await tree(farm.repository())).toEqual(expect.arrayContaining(before));
  // The keys are not in the bucket: without them nothing is signed with new ones in silence.
  await rm(farm.repository(), { recursive: true });
  await rm(join(farm.context.config.dataDir, 'keys'), { recursive: true });
  await made.db`DELETE FROM signing_keys`;
  await expect(publishRun(farm.context, await stage('libfoo', '3'))).rejects.toThrow(
    /signing key .* is missing, .* remove active\/key\.pem in repositories\/main in the bucket kiln at .* to begin/,
  );
  await made.db`INSERT INTO signing_keys VALUES ('main.pem', ${generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()})`;
  await expect(publishRun(farm.context, await stage('libfoo', '3'))).rejects.toThrow(
    /was signed with another key .* repositories\/main in the bucket kiln/,
  );
  expect(shown(await verifyBucket())).toEqual(['libfoo 2', 'libfoo 1', 'nginx 7']);
  expect(farm.infos.map(({ message }) => message)).toContain('archived version fetched from the bucket');
}, 60_000);

test('orchestrators on two machines publish in turns, and lose nothing of each other', async () => {
  const other = await testFarm(made.db, s3.access);
  try {
    await publishRun(farm.context, await stage('libfoo', '1'));
    await publishRun(other.context, await stage('nginx', '7', other));
    const more = await stageRun(other.context.blobs, 'libfoo', '2', { 'out/a+b.txt': '2' }, { keep: 3 });
    await publishRun(other.context, more);
    // The first one knows neither version, nor that three of libfoo are shown now.
    await publishRun(farm.context, await stage('nginx', '8'));
    const index = await verifyBucket();
    expect(index.generation).toBe(4);
    expect(shown(index)).toEqual(['libfoo 2', 'libfoo 1', 'nginx 8', 'nginx 7']);
    expect((await publishRun(other.context, more)).activeVersions).toEqual(['2', '1']);
    // Those who read the view of before find their generation, whoever made it.
    for (const generation of [3, 4, 5])
      expect([generation, (await fetched(`generations/${generation}/index.json.sig`)).status]).toEqual([
        generation,
        200,
      ]);
    expect(await bytesOf('active/key.pem')).toEqual(await readFile(join(other.repository(), 'active/key.pem')));
  } finally {
    await other.remove();
  }
}, 60_000);

test('bytes that were changed in the bucket are not taken back', async () => {
  await publishRun(farm.context, await stage('libfoo', '1'));
  await fetch(`${s3.endpoint}/kiln/repositories/main/active/pool/libfoo/1/c.bin`, { method: 'PUT', body: 'changed' });
  await rm(join(farm.repository(), 'archive'), { recursive: true });
  await expect(publishRun(farm.context, await stage('libfoo', '2'))).rejects.toThrow(
    /active\/pool\/libfoo\/1\/c\.bin in .* has other bytes than its manifest\.json says/,
  );
  expect(shown(JSON.parse(await readFile(join(farm.repository(), 'active/index.json'), 'utf8')))).toEqual(['libfoo 1']);
});

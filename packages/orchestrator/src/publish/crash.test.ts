import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { testDatabase } from '@kiln/store/testing.ts';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { archiveVersions } from './archive.ts';
import { publishRun, type RunToPublish } from './publish-run.ts';
import { shown, stageRun, type TestFarm, testFarm, tree, verifyView } from './testing.ts';
import type { PublisherOrders } from './testing-publisher.ts';

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

/** Publishes in a process of its own, like another orchestrator. */
function publisher(runs: RunToPublish[], killAt: number | null = null) {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing-publisher.ts')], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const orders: PublisherOrders = { address: made.address, config: farm.context.config, runs, killAt };
  child.stdin.end(JSON.stringify(orders));
  const ended = new Promise<number | NodeJS.Signals | null>((done) =>
    child.once('exit', (code, signal) => done(signal ?? code)),
  );
  return { ended, output: text(child.stdout), errors: text(child.stderr) };
}

async function stage(name: string, version: string): Promise<RunToPublish> {
  const files = { 'out/a.txt': `${name} ${version}`, 'out/b.bin': Buffer.alloc(50_000, version) };
  return await stageRun(farm.context.blobs, name, version, files, { keep: 3 });
}

/** How often a publish touches the disk. */
async function stepsOf(run: RunToPublish): Promise<number> {
  const whole = publisher([run]);
  expect([await whole.ended, await whole.errors]).toEqual([0, '']);
  const steps = Number(await whole.output);
  expect(steps).toBeGreaterThan(30);
  return steps;
}

test('the first publish of a repository can be killed at any step', async () => {
  const steps = await stepsOf(await stageRun(farm.context.blobs, 'libfoo', '1.0', { a: '1' }, { repository: 'whole' }));
  const rounds = 8;
  for (let round = 0; round < rounds; round++) {
    const repository = `first-${round}`;
    const run = await stageRun(farm.context.blobs, 'libfoo', '1.0', { a: '1' }, { repository });
    const killed = publisher([run], 1 + Math.floor((steps * round) / rounds));
    expect([round, await killed.ended, await killed.errors]).toEqual([round, 'SIGKILL', '']);
    await publishRun(farm.context, run);
    expect(shown(await verifyView(farm.repository(repository)))).toEqual(['libfoo 1.0']);
  }
  const keys = Array.from({ length: rounds }, (_, round) => `first-${round}.pem`);
  expect(await readdir(join(farm.context.config.dataDir, 'keys'))).toEqual([...keys, 'whole.pem']);
}, 60_000);

test('a publisher killed at any step leaves a good repository, and the next one ends its work', async () => {
  await publishRun(farm.context, await stage('libfoo', '0.9'));
  const steps = await stepsOf(await stage('libfoo', '1.0'));
  const rounds = 30;
  for (let round = 1; round <= rounds; round++) {
    const version = `1.${round}`;
    const run = await stage('libfoo', version);
    const killed = publisher([run], Math.ceil((steps * round) / rounds));
    expect([round, await killed.ended, await killed.errors]).toEqual([round, 'SIGKILL', '']);
    // Whoever reads now sees the version wholly or not at all.
    expect([`libfoo ${version}`, `libfoo 1.${round - 1}`]).toContain(shown(await verifyView(farm.repository()))[0]);
    // Sometimes another package comes first, sometimes the same run is tried again.
    if (round % 3 === 0) await publishRun(farm.context, await stage('other', version));
    const published = await publishRun(farm.context, run);
    expect(published.runId).toBe(run.runId);
    expect(shown(await verifyView(farm.repository()))[0]).toBe(`libfoo ${version}`);
    expect((await tree(farm.repository())).filter((path) => path.startsWith('.tmp'))).toEqual([]);
  }
  const all = ['0.9', ...Array.from({ length: rounds + 1 }, (_, i) => `1.${i}`)];
  expect(await archiveVersions(farm.context.config.repositoriesDir, 'main', 'libfoo')).toEqual(new Set(all));
  expect((await readdir(join(farm.repository(), 'archive/libfoo'))).sort()).toEqual(all.sort());
}, 180_000);

test('publishers in several processes take turns, and a reader sees each moment whole', async () => {
  await publishRun(farm.context, await stage('libfoo', '1.0'));
  const versions = Array.from({ length: 8 }, (_, i) => `1.${i + 1}`);
  const stageAll = async (name: string) =>
    await Promise.all(versions.map(async (version) => await stage(name, version)));
  const publishers = [publisher(await stageAll('libfoo')), publisher(await stageAll('nginx'))];
  const running = { left: publishers.length };
  const ended = publishers.map(async (one) => {
    const code = await one.ended;
    running.left--;
    return [code, await one.errors];
  });
  const generations = new Set<number>();
  while (running.left > 0) {
    const index = await verifyView(farm.repository());
    generations.add(index.generation);
    await sleep(1);
  }
  expect(await Promise.all(ended)).toEqual([
    [0, ''],
    [0, ''],
  ]);
  expect(generations.size).toBeGreaterThan(2);
  const top = ['1.8', '1.7', '1.6'];
  const index = await verifyView(farm.repository());
  expect(shown(index)).toEqual(['libfoo', 'nginx'].flatMap((name) => top.map((version) => `${name} ${version}`)));
  expect(index.generation).toBe(17);
}, 60_000);

test('many publishes at once in one process take turns too', async () => {
  const versions = Array.from({ length: 12 }, (_, i) => String(i + 1));
  const runs = await Promise.all(versions.map(async (version) => await stage('libfoo', version)));
  await Promise.all(runs.map(async (run) => await publishRun(farm.context, run)));
  expect(shown(await verifyView(farm.repository()))).toEqual(['libfoo 12', 'libfoo 11', 'libfoo 10']);
});

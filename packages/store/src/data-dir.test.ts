import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { identify, isRunning, takeDataDirectory } from './data-dir.ts';

const MODULE = new URL('./data-dir.ts', import.meta.url).href;
let folder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kiln-lock-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

/** A process that takes the folder, says how that went, and stays. */
async function contender(): Promise<{ child: ChildProcess; said: string }> {
  const code = `
    const { takeDataDirectory } = await import(${JSON.stringify(MODULE)});
    try { await takeDataDirectory(${JSON.stringify(folder)}); console.log('taken'); setInterval(() => {}, 1000); }
    catch (error) { console.log(error.message); }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  const said = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data: Buffer) => resolve(String(data).trim())),
  );
  return { child, said };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
}

test('of many that start at once one takes the folder, the others are told its pid', async () => {
  const all = await Promise.all(Array.from({ length: 6 }, contender));
  const winners = all.filter(({ said }) => said === 'taken');
  expect(winners).toHaveLength(1);
  const pid = winners[0]?.child.pid;
  for (const { said } of all.filter((one) => one.said !== 'taken')) {
    expect(said).toBe(`Kiln already runs on ${folder} (pid ${pid}); stop it, or start this one with --data ANOTHER`);
  }
  expect(await readFile(join(folder, 'run', 'kiln.pid'), 'utf8')).toBe(`${pid}\n`);
  expect((await stat(folder)).mode & 0o777).toBe(0o700);
});

test('the claim of a killed process is taken over, by one of many', async () => {
  const first = await contender();
  await kill(first.child);
  const next = await Promise.all(Array.from({ length: 6 }, contender));
  expect(next.filter(({ said }) => said === 'taken')).toHaveLength(1);
  expect((await readdir(join(folder, 'run'))).filter((name) => name.startsWith('lock.'))).toEqual(['lock.2']);
});

test('another process with the pid of a dead one is not taken for it', async () => {
  const { release } = await takeDataDirectory(folder);
  const claim = join(folder, 'run', 'lock.1');
  const mine = JSON.parse(await readFile(claim, 'utf8'));
  await expect(takeDataDirectory(folder)).rejects.toThrow(`pid ${process.pid}`);
  await writeFile(claim, JSON.stringify({ ...mine, started: 'an-earlier-boot/42' }));
  await (await takeDataDirectory(folder)).release();
  await release();
});

test('a damaged claim keeps nobody out', async () => {
  await takeDataDirectory(folder);
  await writeFile(join(folder, 'run', 'lock.1'), '{"pid":');
  await (await takeDataDirectory(folder)).release();
  expect(await readdir(join(folder, 'run'))).not.toContain('kiln.pid');
});

test('a process that ended but was not collected does not run', async () => {
  const shell = spawn('sh', ['-c', 'true & echo $!; exec sleep 30'], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(shell);
  const pid = Number(await new Promise((resolve) => shell.stdout.once('data', resolve)));
  await expect.poll(async () => await identify(pid), { timeout: 20_000 }).toBeNull();
  const alive = await identify(process.pid);
  expect(alive && (await isRunning(alive))).toBe(true);
});

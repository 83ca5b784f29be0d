import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Launcher } from './launcher.ts';
import { PipePool } from './pipe-pool.ts';
import { ProcessTree, StartError } from './process-tree.ts';

const folder = mkdtempSync(join(tmpdir(), 'kiln-processes-'));
const pipes = new PipePool(join(folder, 'pipes'));
const launcher = new Launcher();
beforeAll(async () => await pipes.open());
afterAll(async () => {
  launcher.close();
  await pipes.close();
  rmSync(folder, { recursive: true });
});

function open(graceMs = 300) {
  const stop = new AbortController();
  const tree = new ProcessTree({ launcher, pipes, signal: stop.signal, graceMs });
  let output = '';
  const run = async (script: string, options: { timeoutMs?: number; file?: string } = {}) => {
    const result = await tree.run({
      file: options.file ?? 'sh',
      args: ['-ec', script],
      cwd: folder,
      env: { PATH: process.env.PATH ?? '' },
      sink: {
        write: (chunk) => {
          output += chunk.toString();
          return true;
        },
      },
      timeoutMs: options.timeoutMs ?? null,
    });
    return { ...result, output };
  };
  return { stop, tree, run };
}

const SOON = { timeout: 25_000, interval: 5 };

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Pids that a script wrote into a file of the folder, one a line. */
async function pidsIn(name: string, count: number): Promise<number[]> {
  const path = join(folder, name);
  const pids = () =>
    existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').filter(Boolean).map(Number) : [];
  await expect.poll(() => pids().length, SOON).toBe(count);
  return pids();
}

test('exit codes and signals are told apart', async () => {
  const { run } = open();
  expect(await run('exit 0')).toMatchObject({ exitCode: 0, signal: null, timedOut: false, held: false });
  expect(await run('exit 42')).toMatchObject({ exitCode: 42, signal: null });
  expect(await run('kill -9 $$')).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  expect(await run('kill -SEGV $$')).toMatchObject({ exitCode: null, signal: 'SIGSEGV' });
  expect(await run('sh -c "kill -9 \\$\\$"')).toMatchObject({ exitCode: 137, signal: null });
});

test('both outputs come through one real pipe, in order', async () => {
  const { run } = open();
  const script =
    'for i in 1 2 3 4 5 6; do echo out $i; echo err $i >&2; done; echo opened > /dev/stderr; test -p /dev/stdout';
  const lines = [1, 2, 3, 4, 5, 6].flatMap((i) => [`out ${i}`, `err ${i}`]);
  expect(await run(script)).toMatchObject({ exitCode: 0, output: `${lines.join('\n')}\nopened\n` });
});

test('all output is read, whatever its size, and standard input is empty', async () => {
  const { run } = open();
  const { output } = await run('cat; head -c 3000000 /dev/zero | tr "\\0" x');
  expect(output.length).toBe(3_000_000);
});

test('a program that is not there is a StartError that names it', async () => {
  const { run } = open();
  await expect(run('true', { file: 'no-such-shell' })).rejects.toThrow(
    new StartError('no-such-shell', Object.assign(new Error('x'), { code: 'ENOENT' })),
  );
});

test('a time limit ends the command with all that it started', async () => {
  const { run } = open();
  const result = await run('sleep 60 & echo $! > limited; sleep 60', { timeoutMs: 1500 });
  expect(result).toMatchObject({ timedOut: true, signal: 'SIGTERM', held: false });
  for (const pid of await pidsIn('limited', 1)) expect(isAlive(pid)).toBe(false);
});

test('being aborted kills the whole tree: one that ignores SIGTERM, and one that hid in its own session', async () => {
  const { run, stop } = open();
  const running = run(
    `trap '' TERM; setsid sh -c 'trap "" TERM; echo $$ >> hidden; while :; do sleep 1; done' > /dev/null 2>&1 &
     sh -c 'echo $$ >> hidden; trap "" TERM; while :; do sleep 1; done'`,
  );
  const pids = await pidsIn('hidden', 2);
  for (const pid of pids) expect(isAlive(pid)).toBe(true);
  stop.abort();
  expect(await running).toMatchObject({ exitCode: null, signal: 'SIGKILL' });
  for (const pid of pids) expect(isAlive(pid)).toBe(false);
});

test('a command that ends by itself at SIGTERM has the time for it', async () => {
  const { run, stop } = open(5000);
  const running = run('trap "echo cleaned; exit 3" TERM; echo ready > ready; while :; do sleep 0.05; done');
  await expect.poll(() => existsSync(join(folder, 'ready')), SOON).toBe(true);
  stop.abort();
  const { exitCode, output } = await running;
  expect(exitCode).toBe(3);
  expect(output).toContain('cleaned\n');
});

test('a background process that keeps the output open does not keep the command', async () => {
  const { run, tree } = open();
  const result = await run('(sleep 0.3; echo late; sleep 60) & echo $! > holder; echo done');
  expect(result).toMatchObject({ exitCode: 0, held: true });
  expect(result.output).toBe('done\nlate\n');
  const [pid = 0] = await pidsIn('holder', 1);
  expect(isAlive(pid)).toBe(true);
  expect(await tree.end()).toBeGreaterThan(0);
  expect(isAlive(pid)).toBe(false);
});

test('the end of a job finds daemons that nobody else would', async () => {
  const { run, tree } = open();
  await run('setsid sh -c "echo \\$\\$ > daemon; exec sleep 60" > /dev/null 2>&1 < /dev/null &');
  const [pid = 0] = await pidsIn('daemon', 1);
  expect(isAlive(pid)).toBe(true);
  expect(await tree.end()).toBe(1);
  expect(isAlive(pid)).toBe(false);
  expect(await open().tree.end()).toBe(0);
});

test('other processes of the system are left alone', async () => {
  const { run, tree } = open();
  const pid = Number(execFileSync('sh', ['-c', 'sleep 60 > /dev/null 2>&1 & echo $!']));
  await run('true');
  expect(await tree.end()).toBe(0);
  expect(isAlive(pid)).toBe(true);
  process.kill(pid);
});

test('pipes are made ahead and never run out', async () => {
  const { run } = open();
  await Promise.all(Array.from({ length: 70 }, async (_, i) => expect((await run(`exit ${i}`)).exitCode).toBe(i)));
});

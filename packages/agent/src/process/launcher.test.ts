import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { Launcher } from './launcher.ts';

const folder = mkdtempSync(join(tmpdir(), 'kiln-launcher-'));
afterAll(() => rmSync(folder, { recursive: true }));
let made = 0;

function pipe(): { path: string; close: () => void } {
  const path = join(folder, `pipe-${++made}`);
  execFileSync('mkfifo', [path]);
  const readEnd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return { path, close: () => closeSync(readEnd) };
}

async function start(launcher: Launcher, script: string) {
  const { path, close } = pipe();
  const launched = await launcher.start({
    file: 'sh',
    args: ['-c', script],
    cwd: folder,
    env: { PATH: process.env.PATH ?? '' },
    output: path,
  });
  if (!('pid' in launched)) throw new Error(launched.message);
  return { ...launched, close };
}

const SOON = { timeout: 25_000 };
const isAlive = (pid: number) => {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
};

test('commands end with their own code or signal, whatever order they end in', async () => {
  const launcher = new Launcher();
  const all = [
    await start(launcher, 'sleep 0.2; exit 3'),
    await start(launcher, 'kill -9 $$'),
    await start(launcher, 'true'),
  ];
  expect(await Promise.all(all.map(async (one) => await one.ended))).toEqual([
    { exitCode: 3, signal: null },
    { exitCode: null, signal: 'SIGKILL' },
    { exitCode: 0, signal: null },
  ]);
  for (const { close } of all) close();
  launcher.close();
});

test('a program that is not there is said to be missing', async () => {
  const launcher = new Launcher();
  const { path, close } = pipe();
  expect(await launcher.start({ file: 'no-such-program', args: [], cwd: folder, env: {}, output: path })).toMatchObject(
    { code: 'ENOENT' },
  );
  close();
  launcher.close();
});

test('closing it ends what still runs', async () => {
  const launcher = new Launcher();
  const { pid, ended, close } = await start(launcher, 'sleep 60');
  launcher.close();
  await expect(ended).rejects.toThrow('was ended');
  await expect.poll(() => isAlive(pid), SOON).toBe(false);
  close();
});

test('when its process is killed, commands under way are reported, and the next one gets a new process', async () => {
  const launcher = new Launcher();
  const { pid, ended, close } = await start(launcher, 'sleep 60');
  const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  process.kill(parent, 'SIGKILL');
  await expect(ended).rejects.toThrow('SIGKILL');
  process.kill(pid, 'SIGKILL');
  const next = await start(launcher, 'exit 7');
  expect((await next.ended).exitCode).toBe(7);
  close();
  next.close();
  launcher.close();
});

test('an order whose agent died right after it gave it keeps the small process from nothing', async () => {
  const child = fork(join(import.meta.dirname, 'launcher-child.mjs'), [], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const { path, close } = pipe();
  close();
  child.send({ id: 1, file: 'sleep', args: ['60'], cwd: folder, env: { PATH: process.env.PATH ?? '' }, output: path });
  const [answer] = await once(child, 'message');
  expect(isAlive(answer.pid)).toBe(true);
  child.disconnect();
  expect(await ended).toEqual([0, null]);
  await expect.poll(() => isAlive(answer.pid), SOON).toBe(false);
});

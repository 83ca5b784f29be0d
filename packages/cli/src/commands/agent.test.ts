import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeOrchestrator } from '@kiln/agent/testing/fake-orchestrator.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

/** Each test starts several processes, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 180_000 });

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

let folder: string;
let orchestrator: FakeOrchestrator;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kiln-cli-agent-'));
  orchestrator = await new FakeOrchestrator().open();
  writeFileSync(join(folder, 'join-token'), `${orchestrator.joinToken}\n`);
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await orchestrator.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(args: string[] = [], env: Record<string, string> = {}) {
  const all = [
    'agent',
    '--data',
    folder,
    '--orchestrator',
    orchestrator.url,
    '--addr',
    '',
    '--log-format',
    'json',
    ...args,
  ];
  const child = fork(MAIN, all, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { ...process.env, ...env } });
  children.push(child);
  let words = '';
  const stderr = child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  const told = new Promise((resolve) => stderr?.once('end', resolve));
  const ended = Promise.all([once(child, 'exit'), told]).then(([[code]]) => ({ code, words }));
  return { child, ended };
}

const connected = async () => await orchestrator.until(() => orchestrator.hellos[0], 'the hello');

test('it joins with the token of the data directory, and SIGTERM is a clean end', async () => {
  const { child, ended } = start(['--name', 'builder-1', '--slots', '3', '--labels', 'gpu,big']);
  expect(await connected()).toMatchObject({
    name: 'builder-1',
    slots: 3,
    labels: expect.arrayContaining(['gpu', 'big', 'agent:builder-1']),
  });
  child.kill('SIGTERM');
  const { code, words } = await ended;
  expect(code).toBe(0);
  expect(words).not.toContain('"level":"error"');
});

test('it tells its supervisor when it is ready, and ends when that is gone', async () => {
  const { child, ended } = start([], { KILN_PART: 'agent' });
  child.send({ type: 'go', env: {} });
  const [message] = await once(child, 'message');
  expect(message).toEqual({ type: 'ready', addresses: { http: null } });
  child.disconnect();
  expect((await ended).code).toBe(0);
});

test('a second agent on the same folder is refused, and says so', async () => {
  start();
  await connected();
  const { code, words } = await start().ended;
  expect(code).toBe(1);
  expect(words).toContain('kiln exited with error');
  expect(words).toMatch(/Kiln already runs on .*agent \(pid \d+\)/);
});

test('it can be stopped while no orchestrator answers', async () => {
  await orchestrator.close();
  const { child, ended } = start();
  await new Promise<void>((resolve) => child.stderr?.once('data', () => resolve()));
  child.kill('SIGINT');
  expect((await ended).code).toBe(0);
});

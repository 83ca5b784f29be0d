import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { TaskLogs } from '@kiln/protocol/vm-build.ts';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';
import { type HeldTask, heldTask } from './testing-builds.ts';

const SAMPLE = fileURLToPath(new URL('../../../../examples/builder/post-log.mjs', import.meta.url));

let p: TestPlatform;
beforeAll(async () => {
  p = await testPlatform();
});
afterAll(async () => await p.stop());

/** Runs a program as a builder would, with this on its standard input. */
async function run(task: HeldTask, command: string[], input = ''): Promise<{ code: number | null; said: string }> {
  const [program = '', ...args] = command;
  const env = { PATH: process.env.PATH, KILN: p.url, KILN_BUILDER_TOKEN: task.token, TASK_ID: task.taskId };
  const child = spawn(program, args, { env: { ...env, KILN_COMPONENT: 'PACKER', KILN_CONTEXT: 'imaging' } });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return await new Promise((resolve) => child.on('close', (code) => resolve({ code, said })));
}

const entriesOf = async (task: HeldTask) =>
  (await p.json<TaskLogs>(`/api/vm-build/task-logs/${task.taskId}?limit=5000`)).entries;

it('shows a call that works', async () => {
  const guide = await readFile(new URL('../../../../docs/builders.md', import.meta.url), 'utf8');
  const script = [...guide.matchAll(/```sh\n(.*?)```/gs)]
    .map(([, text]) => text)
    .find((text) => text?.includes('curl'));
  const task = await heldTask(p);
  expect(await run(task, ['sh', '-euc', script ?? ''])).toMatchObject({ said: '{"accepted":1}' });
  expect(await entriesOf(task)).toMatchObject([
    { component: 'ANSIBLE', message: 'Installing packages: curl, wget, git' },
  ]);
});

it('has a sample that sends what a command prints', async () => {
  const task = await heldTask(p);
  const lines = Array.from({ length: 4000 }, (_, n) => (n === 7 ? 'error: no such image' : `step ${n}`));
  expect(await run(task, [process.execPath, SAMPLE, task.taskId], `${lines.join('\n')}\n`)).toEqual({
    code: 0,
    said: '',
  });
  const entries = await entriesOf(task);
  expect(entries.map(({ message }) => message)).toEqual(lines);
  expect(entries[7]).toMatchObject({ level: 'ERROR', component: 'PACKER', context: 'imaging' });
  await task.finish();
  const refused = await run(task, [process.execPath, SAMPLE, task.taskId], 'late\n');
  expect(refused.code).toBe(1);
  expect(refused.said).toContain('task_finished');
});

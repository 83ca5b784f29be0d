import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeOrchestrator } from './testing/fake-orchestrator.ts';
import { dispatchOf } from './testing/test-agent.ts';

/** Each test starts several processes, which takes long on a busy machine. */
vi.setConfig({ testTimeout: 180_000 });

const PROGRAM = fileURLToPath(new URL('./testing/agent-process.ts', import.meta.url));

let folder: string;
let orchestrator: FakeOrchestrator;
const children: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kiln-leftovers-'));
  orchestrator = await new FakeOrchestrator().open();
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await orchestrator.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<ChildProcess> {
  const child = fork(PROGRAM, [folder, orchestrator.url, orchestrator.joinToken]);
  children.push(child);
  await once(child, 'message');
  return child;
}

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
}

/** Begins a job that leaves a shell, a child and a daemon behind; returns the job and their pids. */
async function begin() {
  const dispatch = dispatchOf({
    steps: ['echo $$; sleep 300 & echo $!; setsid sh -c "echo \\$\\$; exec sleep 300" & wait'],
  });
  orchestrator.dispatch(dispatch);
  const pids = await orchestrator.until(() => {
    const found = orchestrator
      .lines(dispatch)
      .flatMap((line) => (line.component === 'output' ? [Number(line.text)] : []));
    return found.length === 3 && found;
  }, 'the pids');
  for (const pid of pids) expect(isAlive(pid)).toBe(true);
  return { dispatch, pids };
}

test('after a kill -9 the next agent ends what was left running and reports the attempt as lost', async () => {
  const first = await start();
  const { dispatch, pids } = await begin();
  first.kill('SIGKILL');
  await once(first, 'exit');
  await start();
  expect(orchestrator.hellos.at(-1)).toMatchObject({
    running: [],
    lost: [{ jobId: dispatch.jobId, attempt: 1, fence: 7 }],
  });
  for (const pid of pids) expect(isAlive(pid)).toBe(false);
  const jobs = join(folder, 'agent', 'jobs');
  await orchestrator.until(() => readdirSync(jobs).length === 0, 'the removal of the folder');
  orchestrator.breakConnections();
  await orchestrator.until(() => orchestrator.hellos.length === 3, 'another hello');
  expect(orchestrator.hellos.at(-1)?.lost).toEqual([]);
});

test('an attempt that nobody was told about stays lost, however often the agent dies', async () => {
  const first = await start();
  const { dispatch } = await begin();
  first.kill('SIGKILL');
  await once(first, 'exit');
  orchestrator.welcomes = false;
  const second = fork(PROGRAM, [folder, orchestrator.url, orchestrator.joinToken]);
  children.push(second);
  await orchestrator.until(() => orchestrator.hellos.length === 2, 'a hello');
  second.kill('SIGKILL');
  await once(second, 'exit');
  orchestrator.welcomes = true;
  await start();
  expect(orchestrator.hellos.at(-1)?.lost).toEqual([{ jobId: dispatch.jobId, attempt: 1, fence: 7 }]);
});

test('a clean stop ends running jobs without a verdict, and they are reported as lost', async () => {
  const first = await start();
  const { dispatch, pids } = await begin();
  first.kill('SIGTERM');
  expect(await once(first, 'exit')).toEqual([0, null]);
  for (const pid of pids) expect(isAlive(pid)).toBe(false);
  expect(orchestrator.attempt(dispatch).finished).toEqual([]);
  await start();
  expect(orchestrator.hellos.at(-1)?.lost).toEqual([{ jobId: dispatch.jobId, attempt: 1, fence: 7, stopped: true }]);
});

test('a clean stop waits for the acknowledgement of a result', async () => {
  const first = await start();
  orchestrator.acknowledges = false;
  const dispatch = dispatchOf({ steps: ['true'] });
  orchestrator.dispatch(dispatch);
  await orchestrator.finished(dispatch);
  first.kill('SIGTERM');
  orchestrator.send({ type: 'job.finished.ack', jobId: dispatch.jobId, attempt: 1, fence: 7 });
  await once(first, 'exit');
  await start();
  expect(orchestrator.hellos.at(-1)?.lost).toEqual([]);
});

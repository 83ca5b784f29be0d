import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dispatchOf, type TestFarm, testFarm } from '../testing/test-agent.ts';

let farm: TestFarm;
beforeEach(async () => {
  farm = await testFarm({ slots: 4 });
});
afterEach(async () => {
  expect(farm.orchestrator.offences).toEqual([]);
  await farm.close();
});

/** Prints numbered lines until the file STOP is there, and then how many there were. */
const COUNT =
  'i=0; until [ -e "$STOP" ]; do i=$((i+1)); echo line $i; [ $((i % 4)) -eq 0 ] && sleep 0.005; done; echo total $i';

test('the hello says who the agent is, with the labels that Kiln gives', async () => {
  const [hello] = farm.orchestrator.hellos;
  expect(hello).toMatchObject({
    name: 'tester',
    os: process.platform,
    arch: process.arch,
    slots: 4,
    running: [],
    lost: [],
  });
  expect(hello?.labels).toEqual([
    `kiln:host:${hello?.host}`,
    `host:${hello?.host}`,
    `os:${process.platform}`,
    `arch:${process.arch}`,
    'agent:tester',
    process.platform,
    process.arch,
  ]);
});

test('the identity is kept for the owner only and used again', async () => {
  const file = join(farm.stateDir, 'agent.json');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const { agentId } = farm.agent;
  expect(JSON.parse(readFileSync(file, 'utf8')).agentId).toBe(agentId);
  await farm.restart();
  expect(farm.agent.agentId).toBe(agentId);
  expect(farm.orchestrator.tokens.size).toBe(1);
});

test('an agent that is not known any more enrols anew, and so does one whose file is damaged', async () => {
  const before = farm.agent.agentId;
  farm.orchestrator.tokens.clear();
  farm.orchestrator.breakConnections();
  await farm.orchestrator.until(() => farm.orchestrator.hellos.length === 2, 'the second hello');
  expect(farm.agent.agentId).not.toBe(before);
  writeFileSync(join(farm.stateDir, 'agent.json'), '{"agentId":');
  await farm.restart();
  expect(farm.orchestrator.hellos.length).toBe(3);
});

test('over broken connections no line is lost and none comes twice', async () => {
  const stop = join(farm.stateDir, 'stop');
  const dispatch = dispatchOf({ steps: [COUNT], environment: { STOP: stop } });
  farm.orchestrator.dispatch(dispatch);
  const { frames } = farm.orchestrator.attempt(dispatch);
  for (let round = 1; round <= 4; round++) {
    const before = frames.length;
    await farm.orchestrator.until(() => frames.length > before + 3, 'more frames');
    farm.orchestrator.breakConnections();
    await farm.orchestrator.until(() => farm.orchestrator.hellos.length > round, 'a new hello');
    expect(farm.orchestrator.hellos.at(-1)?.running).toEqual([{ jobId: dispatch.jobId, attempt: 1, fence: 7 }]);
  }
  writeFileSync(stop, '');
  const { outcome } = await farm.orchestrator.finished(dispatch);
  expect(outcome).toBe('completed');
  const output = farm.orchestrator.lines(dispatch).filter(({ component }) => component === 'output');
  const total = output.length - 1;
  expect(output.map(({ text }) => text)).toEqual([
    ...Array.from({ length: total }, (_, i) => `line ${i + 1}`),
    `total ${total}`,
  ]);
});

test('frames that were sent but never acknowledged are sent again', async () => {
  farm.orchestrator.acknowledges = false;
  const dispatch = dispatchOf({ steps: ['echo one; sleep 0.2; echo two'] });
  farm.orchestrator.dispatch(dispatch);
  const seen = farm.orchestrator.attempt(dispatch);
  await farm.orchestrator.until(() => seen.finished.length === 1, 'the first result');
  // The orchestrator dies before it wrote anything down.
  seen.frames.length = 0;
  farm.orchestrator.acknowledges = true;
  farm.orchestrator.breakConnections();
  await farm.orchestrator.until(() => seen.finished.length === 2, 'the second result');
  expect(farm.orchestrator.lines(dispatch).map(({ text }) => text)).toEqual(expect.arrayContaining(['one', 'two']));
});

test('while the orchestrator is away the job goes on, and the result comes when it is back', async () => {
  const dispatch = dispatchOf({ steps: ['sleep 0.2; seq 1 1000', 'echo after'] });
  farm.orchestrator.dispatch(dispatch);
  await farm.orchestrator.until(() => farm.orchestrator.attempt(dispatch).frames.length > 0, 'the first frame');
  await farm.orchestrator.close();
  await farm.orchestrator.until(() => farm.serviceLog.some(({ msg }) => msg === 'job finished'), 'the end of the job');
  await farm.orchestrator.open();
  const { outcome } = await farm.orchestrator.finished(dispatch);
  expect(outcome).toBe('completed');
  expect(farm.orchestrator.lines(dispatch).filter(({ component }) => component === 'output').length).toBe(1001);
  await farm.orchestrator.until(() => farm.orchestrator.hellos.at(-1)?.running.length === 1, 'the adoption');
  farm.orchestrator.breakConnections();
  await farm.orchestrator.until(() => farm.orchestrator.hellos.at(-1)?.running.length === 0, 'a hello without the job');
});

test('what was given to somebody else in the meantime is stopped', async () => {
  const dispatch = dispatchOf({ steps: ['echo start; sleep 60'] });
  farm.orchestrator.dispatch(dispatch);
  await farm.orchestrator.until(
    () => farm.orchestrator.lines(dispatch).some(({ text }) => text === 'start'),
    'the first line',
  );
  farm.orchestrator.release(dispatch.jobId);
  farm.orchestrator.breakConnections();
  const again = {
    ...dispatch,
    attempt: 2,
    fence: 8,
    job: { ...dispatch.job, phases: dispatchOf({ steps: ['true'] }).job.phases },
  };
  await farm.orchestrator.until(() => farm.orchestrator.hellos.length === 2, 'the second hello');
  farm.orchestrator.dispatch(again);
  expect((await farm.orchestrator.finished(again)).outcome).toBe('completed');
  expect(farm.orchestrator.attempt(dispatch).finished).toEqual([]);
});

test('a dispatch that comes twice is run once', async () => {
  const dispatch = dispatchOf({ steps: ['echo once; sleep 0.1'] });
  farm.orchestrator.dispatch(dispatch);
  farm.orchestrator.dispatch(dispatch);
  await farm.orchestrator.finished(dispatch);
  await farm.run({ steps: ['true'] });
  const { jobId } = dispatch;
  expect(farm.serviceLog.filter((line) => line.msg === 'job started' && line.jobId === jobId).length).toBe(1);
  expect(farm.orchestrator.lines(dispatch).filter(({ text }) => text === 'once').length).toBe(1);
  expect(farm.orchestrator.attempt(dispatch).finished.length).toBe(1);
});

test('a loud job whose orchestrator does not answer goes to disk, then waits, and loses nothing', async () => {
  const own = await testFarm({ spoolLimit: 3_000_000 });
  own.orchestrator.acknowledges = false;
  // Letters by chance, so that compression does not make it small.
  const loud = 'head -c 30000000 /dev/urandom | base64 -w 100; echo the end';
  const dispatch = dispatchOf({ steps: [loud] });
  own.orchestrator.dispatch(dispatch);
  const { frames } = own.orchestrator.attempt(dispatch);
  const jobs = join(own.stateDir, 'jobs');
  const spooled = () =>
    readdirSync(jobs).reduce((sum, name) => sum + (name.endsWith('.spool') ? statSync(join(jobs, name)).size : 0), 0);
  await own.orchestrator.until(() => spooled() >= 3_000_000, 'the disk to hold its limit');
  const stalled = frames.length;
  // Another job comes and goes meanwhile.
  await own.run({ steps: ['seq 1 1000'] });
  expect(frames.length).toBe(stalled);
  expect(spooled()).toBeLessThan(6_000_000);
  expect(own.orchestrator.attempt(dispatch).finished).toEqual([]);
  own.orchestrator.acknowledges = true;
  own.orchestrator.acknowledge({ jobId: dispatch.jobId, attempt: 1, fence: 7 }, stalled);
  expect((await own.orchestrator.finished(dispatch)).outcome).toBe('completed');
  const output = own.orchestrator.lines(dispatch).filter(({ component }) => component === 'output');
  expect(output.length).toBe(400_001);
  expect(output.at(-1)?.text).toBe('the end');
  expect(own.orchestrator.offences).toEqual([]);
  await own.close();
});

test('lines of the service log go to the orchestrator, also those from before the connection', async () => {
  await farm.run({ steps: ['true'] });
  const lines = farm.orchestrator.others.flatMap((message) => (message.type === 'agent.log' ? [message.line] : []));
  expect(lines.map(({ msg }) => msg)).toEqual(['agent enrolled', 'agent connected', 'job started', 'job finished']);
  const own = farm.serviceLog.filter(({ level }) => level === 'info').map(({ traceId, spanId, ...rest }) => rest);
  expect(lines.map(({ time, ...rest }) => rest)).toEqual(own.map(({ time, ...rest }) => rest));
});

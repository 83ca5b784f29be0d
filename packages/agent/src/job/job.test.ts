import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LOG_LEVELS } from '@kiln/protocol/states.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dispatchOf, stepOf, type TestFarm, testFarm } from '../testing/test-agent.ts';

let farm: TestFarm;
beforeAll(async () => {
  farm = await testFarm({ slots: 8 });
});
afterAll(async () => {
  expect(farm.orchestrator.offences).toEqual([]);
  await farm.close();
});

const phase = (name: string, steps: Parameters<typeof stepOf>[0][], weight = 1) => ({
  name,
  weight,
  steps: steps.map(stepOf),
});

test('a job that succeeds: the first line, the marks, the verdict, and the result', async () => {
  const { dispatch, outcome, failure, progress, lastSequence } = await farm.run({ steps: ['echo hello'] });
  expect({ outcome, failure, percent: progress.percent }).toEqual({
    outcome: 'completed',
    failure: null,
    percent: 100,
  });
  const lines = farm.orchestrator.lines(dispatch);
  const duration = expect.stringMatching(/\d+ ms|\d\.\ds/);
  expect(
    lines.map(({ text, component, phase: p, step }) => [text.replace(/\d+ ms|\d\.\ds/, 'T'), component, p, step]),
  ).toEqual([
    [`Run: ${dispatch.runId} | Trace: ${dispatch.requestId}`, 'kiln', -1, -1],
    ['▸ phase build', 'kiln', 0, -1],
    ['$ echo hello', 'kiln', 0, 0],
    ['hello', 'output', 0, 0],
    ['✔ echo hello (T)', 'kiln', 0, 0],
    ['✔ phase build took T', 'kiln', 0, -1],
    ['✔ job build completed in T', 'kiln', -1, -1],
  ]);
  expect(progress.text).toEqual(duration);
  expect(progress.phases).toMatchObject([
    {
      name: 'build',
      state: 'completed',
      steps: [{ name: 'echo hello', state: 'completed', exitCode: 0, firstLine: 3 }],
    },
  ]);
  expect(lastSequence).toBe(farm.orchestrator.attempt(dispatch).frames.length);
  expect(farm.orchestrator.attempt(dispatch).progress[0]?.type).toBe('job.building');
});

test('a job that fails says which step, with what code, and shows the line', async () => {
  const result = await farm.run({
    steps: ['echo fine', 'echo start; echo "main.c:3: error: no"; echo end; exit 2', 'echo never'],
  });
  expect(result.outcome).toBe('failed');
  expect(result.failure).toMatchObject({
    class: 'Command Failed',
    message: 'step "echo start; echo "main.c:3: error: no"; echo end; exit 2" ended with exit code 2',
    phase: 'build',
    exitCode: 2,
    signal: null,
    lineText: 'main.c:3: error: no',
  });
  const lines = farm.orchestrator.lines(result.dispatch);
  const line = lines[(result.failure?.line ?? 0) - 1];
  expect([line?.text, LOG_LEVELS[line?.level ?? 0]]).toEqual(['main.c:3: error: no', 'ERROR']);
  expect(result.output).not.toContain('never');
  expect(result.progress.phases[0]?.steps.map(({ state }) => state)).toEqual(['completed', 'failed', 'skipped']);
  expect(result.progress.percent).toBeLessThan(100);
});

test('a step that is killed is called that, and so is a command inside one', async () => {
  const killed = await farm.run({ steps: ['kill -9 $$'] });
  expect(killed.failure).toMatchObject({
    class: 'Command Killed',
    message: 'step "kill -9 $$" was killed by SIGKILL',
    signal: 'SIGKILL',
    exitCode: null,
  });
  const inside = await farm.run({ steps: [{ name: 'inside', run: "sh -c 'kill -9 $$'" }] });
  expect(inside.failure).toMatchObject({
    class: 'Command Failed',
    message: 'step "inside" ended with exit code 137 (a command in it was killed by SIGKILL)',
  });
});

test('a script stops at the first command that fails; bash also looks into pipes', async () => {
  expect((await farm.run({ steps: ['false; echo on'] })).output).toEqual([]);
  expect((await farm.run({ steps: ['false | true; echo on'] })).output).toEqual(['on']);
  expect((await farm.run({ steps: [{ run: 'false | true; echo on', shell: 'bash' }] })).outcome).toBe('failed');
  expect((await farm.run({ steps: [{ run: '[[ -n "$BASH_VERSION" ]]; echo bash', shell: 'bash' }] })).output).toEqual([
    'bash',
  ]);
});

test('steps that always run clean up after a failure; steps that may fail do not fail the job', async () => {
  const result = await farm.run({
    phases: [
      phase('one', [{ run: 'exit 3', continueOnError: true }, 'exit 4', 'echo no']),
      phase('two', ['echo neither']),
      phase('clean', ['echo no', { run: 'echo cleaned', always: true }]),
    ],
  });
  expect(result.output).toEqual(['cleaned']);
  expect(result.failure).toMatchObject({ exitCode: 4, phase: 'one' });
  expect(result.progress.phases.map(({ state, steps }) => [state, ...steps.map((step) => step.state)])).toEqual([
    ['failed', 'failed', 'failed', 'skipped'],
    ['skipped', 'skipped'],
    ['completed', 'skipped', 'completed'],
  ]);
  expect((await farm.run({ steps: [{ run: 'exit 3', continueOnError: true }] })).outcome).toBe('completed');
});

test('the environment is clean and says what the step is part of', async () => {
  process.env.LEAK = 'from the agent';
  const job = await farm.run({
    environment: { A: 'job', B: 'job' },
    steps: [{ run: 'env', environment: { B: 'step' } }],
  });
  delete process.env.LEAK;
  const { dispatch } = job;
  const env = Object.fromEntries(job.output.map((line) => line.split(/=(.*)/s, 2)));
  const folder = dirname(env.KILN_WORKSPACE ?? '');
  expect(dirname(folder)).toBe(join(farm.stateDir, 'jobs'));
  expect(env).toEqual({
    PATH: process.env.PATH,
    PWD: `${folder}/workspace`,
    HOME: `${folder}/home`,
    TMPDIR: `${folder}/tmp`,
    LANG: 'C.UTF-8',
    USER: expect.any(String),
    CI: 'true',
    KILN: 'true',
    KILN_RECIPE: 'tool',
    KILN_VERSION: '1.2.3',
    KILN_RUN_ID: dispatch.runId,
    KILN_JOB: 'build',
    KILN_JOB_ID: dispatch.jobId,
    KILN_ATTEMPT: '1',
    KILN_REQUEST_ID: dispatch.requestId,
    KILN_WORKSPACE: `${folder}/workspace`,
    KILN_ATTEMPT_TOKEN: expect.any(String),
    SOURCE_DATE_EPOCH: '1700000000',
    A: 'job',
    B: 'step',
  });
});

test('a step runs where it wants to, inside the workspace', async () => {
  const inside = { run: 'basename "$PWD"', workingDirectory: 'sub/folder' };
  expect((await farm.run({ steps: ['mkdir -p sub/folder', inside] })).output).toEqual(['folder']);
  expect((await farm.run({ steps: [inside] })).failure?.message).toBe(
    'working_directory "sub/folder" is not a folder in the workspace',
  );
  const outside = await farm.run({ steps: [{ run: 'pwd', workingDirectory: '../home' }] });
  expect(outside.failure?.message).toBe('working_directory "../home" is outside of the workspace');
});

test('secrets come from the agent, masked wherever they appear; a missing one fails the job clearly', async () => {
  process.env.DEPLOY_KEY = 'very-secret-key';
  const steps = [
    { name: 'use very-secret-key', run: 'echo "key $DEPLOY_KEY"; echo "::kiln progress 10 with $DEPLOY_KEY"; exit 5' },
  ];
  const job = await farm.run({ secrets: ['DEPLOY_KEY'], steps });
  delete process.env.DEPLOY_KEY;
  expect(job.output).toEqual(['key ***']);
  expect(job.failure).toMatchObject({
    message: 'step "use ***" ended with exit code 5',
    step: 'use ***',
    lineText: 'key ***',
  });
  expect(JSON.stringify(farm.orchestrator.attempt(job.dispatch))).not.toContain('very-secret');
  const missing = await farm.run({ secrets: ['DEPLOY_KEY'], steps });
  expect(missing.outcome).toBe('failed');
  expect(missing.failure?.class).toBe('Agent Error');
  expect(missing.failure?.message).toMatch(
    /the secret "DEPLOY_KEY", which agent tester on .* does not have; set it in the environment/,
  );
  expect(missing.progress.phases[0]?.name).toBe('build');
});

test('progress follows weights and what steps say, and never goes back', async () => {
  const { dispatch } = await farm.run({
    phases: [
      phase('light', ['true', 'sleep 0.1']),
      phase('heavy', ['echo ::kiln progress 50 half; sleep 0.4; echo ::kiln progress 10; sleep 0.3'], 3),
    ],
  });
  const told = farm.orchestrator.attempt(dispatch).progress.map(({ progress }) => progress);
  const percents = told.map(({ percent }) => percent);
  expect(percents).toEqual(percents.toSorted((a, b) => a - b));
  expect(percents).toEqual(expect.arrayContaining([0, 12.5, 25, 62.5]));
  expect(Math.max(...percents)).toBeLessThan(100);
  expect(told.map(({ text }) => text)).toContain('half');
});

test('a step that talks about its progress all the time is not repeated word for word', async () => {
  const { dispatch } = await farm.run({ steps: ['for i in $(seq 1 1000); do echo ::kiln progress $i; done'] });
  expect(farm.orchestrator.attempt(dispatch).progress.length).toBeLessThan(500);
});

test('a job is cancelled: everything of it is killed, and the log says why', async () => {
  const dispatch = dispatchOf({ steps: ['echo $$; sleep 60', 'echo never'] });
  farm.orchestrator.dispatch(dispatch);
  const pid = await farm.orchestrator.until(
    () => Number(farm.orchestrator.lines(dispatch).find((line) => line.component === 'output')?.text),
    'the first line',
  );
  farm.orchestrator.send({
    type: 'job.cancel',
    jobId: dispatch.jobId,
    attempt: 1,
    fence: 7,
    reason: 'alice asked for it',
  });
  const result = await farm.orchestrator.finished(dispatch);
  expect(result).toMatchObject({ outcome: 'cancelled', failure: null });
  expect(() => process.kill(pid, 0)).toThrow();
  expect(farm.orchestrator.text(dispatch)).toMatch(/■ job build was cancelled after .*: alice asked for it\n$/);
  expect(farm.orchestrator.text(dispatch)).not.toContain('never');
  expect(result.progress.phases[0]?.steps.map(({ state }) => state)).toEqual(['cancelled', 'cancelled']);
});

test('limits of steps and of jobs end them as Timeout, with the limit', async () => {
  const [step, job] = await Promise.all([
    farm.run({ steps: [{ name: 'slow', run: 'echo words; sleep 60', timeoutMs: 2000 }] }),
    farm.run({ timeoutMs: 2000, steps: [{ name: 'slow', run: 'sleep 60' }] }),
  ]);
  expect(step.failure).toMatchObject({
    class: 'Timeout',
    message: 'step "slow" took longer than its limit of 2.0s',
    lineText: 'words',
  });
  expect(job.outcome).toBe('failed');
  expect(job.failure).toMatchObject({
    class: 'Timeout',
    message: 'the job took longer than its limit of 2.0s',
    phase: 'build',
    step: 'slow',
  });
});

test('what is left running at the end is killed, and its late output is still in the log', async () => {
  const job = await farm.run({ steps: ['(sleep 0.3; printf late; sleep 60) & echo done', 'echo next'] });
  expect(job.outcome).toBe('completed');
  expect(job.output).toEqual(expect.arrayContaining(['done', 'late', 'next']));
  const text = farm.orchestrator.text(job.dispatch);
  expect(text).toContain('a process that this step started in the background still holds its output');
  expect(text).toMatch(/killed \d processes of the job that still ran/);
});

test('an attempt that is not ours any more is ended without a word', async () => {
  const dispatch = dispatchOf({ steps: ['echo $$; sleep 60'] });
  farm.orchestrator.dispatch(dispatch);
  const pid = await farm.orchestrator.until(
    () => Number(farm.orchestrator.lines(dispatch).find((line) => line.component === 'output')?.text),
    'the first line',
  );
  farm.orchestrator.send({ type: 'job.stop', jobId: dispatch.jobId, attempt: 1, fence: 7 });
  await farm.orchestrator.until(() => !existsSync(`/proc/${pid}`), 'the end of the process');
  const { jobId } = dispatch;
  await farm.orchestrator.until(
    () => farm.serviceLog.some((line) => line.msg === 'job stopped' && line.jobId === jobId),
    'the end of the attempt',
  );
  await farm.run({ steps: ['true'] });
  expect(farm.orchestrator.attempt(dispatch).finished).toEqual([]);
});

test('nothing of finished jobs stays behind', async () => {
  await farm.run({ steps: ['mkdir -p a/b; touch a/b/c; chmod 500 a/b a'] });
  const left = () =>
    readdirSync(join(farm.stateDir, 'jobs'), { recursive: true }).filter((name) => /\/[abc]$/.test(String(name)));
  await farm.orchestrator.until(() => left().length === 0, 'the removal of the folders');
});

test('more jobs than there are slots are refused, clearly', async () => {
  const go = join(farm.stateDir, 'go');
  const steps = [`until [ -e ${go} ]; do sleep 0.05; done`];
  const jobs = Array.from({ length: 9 }, () => dispatchOf({ steps }));
  for (const job of jobs) farm.orchestrator.dispatch(job);
  await farm.orchestrator.until(() => jobs.some((job) => farm.orchestrator.attempt(job).finished[0]), 'the refusal');
  writeFileSync(go, '');
  const results = await Promise.all(jobs.map(async (job) => await farm.orchestrator.finished(job)));
  expect(results.filter(({ outcome }) => outcome === 'completed').length).toBe(8);
  expect(results.at(-1)?.failure?.message).toBe('all 8 slots of the agent are taken');
});

test('the log limit cuts the log, not the job', async () => {
  const job = await farm.run({ logLimitBytes: 2000, steps: ['yes | head -n 100000', 'echo end > end; test -s end'] });
  expect(job.outcome).toBe('completed');
  expect(job.output.length).toBe(1000);
  expect(farm.orchestrator.text(job.dispatch)).toContain('the log reached its limit of 2,000 bytes');
});

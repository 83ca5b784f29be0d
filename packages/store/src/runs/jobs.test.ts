import { afterEach, beforeEach, expect, test } from 'vitest';
import { testAgent, testJob, testRecipe, testRun } from '../test-run.ts';
import { testDatabase } from '../testing.ts';
import { requestCancel } from './cancel.ts';
import { type ClaimedJob, claimJobs } from './claim.ts';
import { type Finish, finishAttempts } from './finish.ts';
import { overdueAttempts } from './held-attempts.ts';
import { reportProgress } from './progress.ts';
import { requestRetry } from './retries.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeEach(async () => {
  made = await testDatabase();
});
afterEach(async () => await made.drop());

const claim = async (agent: { agentId: string; name: string; labels: string[] }, limit = 1) =>
  await made.db.begin(async (sql) => await claimJobs(sql, agent, limit));
const finish = async (job: ClaimedJob, more: Partial<Finish>) =>
  await made.db.begin(
    async (sql) =>
      await finishAttempts(sql, [
        {
          jobId: job.jobId,
          attempt: job.attempt,
          fence: job.fence,
          outcome: 'completed',
          failure: null,
          progress: null,
          lastSequence: 0,
          requeueBelow: 0,
          ...more,
        },
      ]),
  );
const status = async (jobId: string) =>
  (await made.db`SELECT status, lost, attempt FROM jobs WHERE job_id = ${jobId}`)[0];

test('the higher priority goes first, within one the older, and only to an agent that has all labels', async () => {
  await testRun(made.db, testRecipe('first'));
  await testRun(made.db, testRecipe('second'));
  await testRun(made.db, testRecipe('urgent', { priority: 10 }));
  await testRun(made.db, testRecipe('arm', { priority: 99, jobs: [testJob('build', { labels: ['linux', 'arm64'] })] }));
  const agent = await testAgent(made.db, ['linux', 'x64']);
  const names = [];
  for (let i = 0; i < 4; i++) names.push(...(await claim(agent)).map((job) => job.recipe));
  expect(names).toEqual(['urgent', 'first', 'second']);
  expect((await claim(await testAgent(made.db, ['linux', 'arm64', 'gpu']))).map((job) => job.recipe)).toEqual(['arm']);
});

test('many claims at once give each job to one agent', async () => {
  for (let n = 0; n < 20; n++) await testRun(made.db, testRecipe(`r${n}`));
  const agents = await Promise.all(Array.from({ length: 6 }, async () => await testAgent(made.db)));
  const rounds = await Promise.all(agents.flatMap((agent) => [claim(agent, 5), claim(agent, 5)]));
  const left = await claim(agents[0] ?? { agentId: '', name: '', labels: [] }, 50);
  const ids = [...rounds.flat(), ...left].map((job) => job.jobId);
  expect(new Set(ids).size).toBe(20);
  expect(ids).toHaveLength(20);
});

test('a job waits for the jobs that it needs', async () => {
  await testRun(
    made.db,
    testRecipe('chain', {
      jobs: [testJob('compile'), testJob('lint'), testJob('test', { needs: ['compile', 'lint'] })],
    }),
  );
  const agent = await testAgent(made.db);
  const [compile, lint] = await claim(agent, 5);
  if (!compile || !lint) throw new Error('two jobs were expected');
  await finish(compile, {});
  expect(await claim(agent, 5)).toHaveLength(0);
  await finish(lint, {});
  expect((await claim(agent, 5)).map((job) => job.spec.name)).toEqual(['test']);
});

test('a recipe with concurrency 1 has one run in progress', async () => {
  await testRun(made.db, testRecipe('one', { concurrency: 1 }), '1');
  await testRun(made.db, testRecipe('one', { concurrency: 1 }), '2');
  const agent = await testAgent(made.db);
  const [job] = await claim(agent, 1);
  expect(job?.version).toBe('1');
  expect(await claim(agent, 5)).toHaveLength(0);
});

test('what is said under a stale fence changes nothing', async () => {
  await testRun(made.db, testRecipe('fenced'));
  const agent = await testAgent(made.db);
  const [old] = await claim(agent);
  if (!old) throw new Error('a job was expected');
  await finish(old, { outcome: 'failed', requeueBelow: 3 });
  const [next] = await claim(await testAgent(made.db));
  if (!next) throw new Error('the job was expected to be queued again');
  expect([next.jobId, next.attempt]).toEqual([old.jobId, 2]);
  expect(await finish(old, { outcome: 'completed' })).toEqual([]);
  const late = await made.db.begin(
    async (sql) =>
      await reportProgress(sql, [
        {
          jobId: old.jobId,
          attempt: old.attempt,
          fence: old.fence,
          building: true,
          progress: { percent: 90, text: 'late', phases: [] },
        },
      ]),
  );
  expect(late).toEqual([]);
  expect(await status(old.jobId)).toMatchObject({ status: 'started', attempt: 2 });
});

test('a lost job is queued again until its lost attempts are used up, then it is failed', async () => {
  await testRun(made.db, testRecipe('unlucky'));
  for (const expected of ['queued', 'queued', 'failed']) {
    const [job] = await claim(await testAgent(made.db));
    if (!job) throw new Error('a job was expected');
    await finish(job, { outcome: 'failed', requeueBelow: 3 });
    expect(await status(job.jobId)).toMatchObject({ status: expected });
  }
});

test('a job whose agent is stopped time and again goes back as often, and none of it counts against it', async () => {
  await testRun(made.db, testRecipe('restarted'));
  for (const requeueBelow of [null, null, null, null, 3, null, 3]) {
    const [job] = await claim(await testAgent(made.db));
    if (!job) throw new Error('a job was expected');
    await finish(job, { outcome: 'failed', requeueBelow });
    expect(await status(job.jobId)).toMatchObject({ status: 'queued' });
  }
});

test('progress never goes back and is 100 only when completed', async () => {
  await testRun(made.db, testRecipe('steps'));
  const [job] = await claim(await testAgent(made.db));
  if (!job) throw new Error('a job was expected');
  const reach = async (percent: number) => {
    await made.db.begin(
      async (sql) =>
        await reportProgress(sql, [{ ...job, building: true, progress: { percent, text: '', phases: [] } }]),
    );
    return (await made.db`SELECT percent FROM attempts WHERE job_id = ${job.jobId}`)[0]?.percent;
  };
  expect([await reach(60), await reach(40), await reach(150)]).toEqual([60, 60, 99]);
  await finish(job, {});
  expect((await made.db`SELECT percent FROM attempts`)[0]?.percent).toBe(100);
});

test('completion that races with cancel ends in one terminal state', async () => {
  for (let round = 0; round < 10; round++) {
    const { runId } = await testRun(made.db, testRecipe(`race${round}`));
    const [job] = await claim(await testAgent(made.db));
    if (!job) throw new Error('a job was expected');
    const [cancelled, finished] = await Promise.all([requestCancel(made.db, runId, 'alice'), finish(job, {})]);
    const { status: ended } = (await status(job.jobId)) ?? {};
    expect(finished).toHaveLength(1);
    expect(['completed', 'cancelled']).toContain(ended);
    if (!cancelled.ok) expect(ended).toBe('completed');
  }
});

test('cancel ends queued jobs at once, and a finished run refuses it', async () => {
  const { runId } = await testRun(made.db, testRecipe('idle'));
  expect(await requestCancel(made.db, runId, 'alice')).toEqual({ ok: true, status: 'cancelled' });
  expect(await requestCancel(made.db, runId, 'alice')).toEqual({ ok: false, from: 'cancelled' });
  expect(await requestRetry(made.db, runId)).toEqual({ ok: false, from: 'cancelled' });
});

test('silence counts from the start of the orchestrator when that is later', async () => {
  await testRun(made.db, testRecipe('silent'));
  const agent = await testAgent(made.db);
  await claim(agent);
  await made.db`UPDATE agents SET last_seen_at = now() - interval '1 hour'`;
  expect(await overdueAttempts(made.db, new Date(), 60_000)).toEqual([]);
  expect(await overdueAttempts(made.db, new Date(Date.now() - 3_600_000), 60_000)).toMatchObject([
    { reason: 'lost', agentId: agent.agentId },
  ]);
});

import { RunDetail, RunList, type RunSummary } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import {
  claim,
  finish,
  seedAgent,
  seedFrames,
  seedRecipes,
  seedRun,
  testFrame,
  testJob,
  testRecipe,
} from '@kiln/store/reads/testing-seed.ts';
import { Compile } from 'typebox/compile';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestPlatform, testPlatform } from '../testing.ts';

let p: TestPlatform;
const libfoo = testRecipe('libfoo', {
  jobs: [testJob('build', { labels: ['linux'] }), testJob('test', { needs: ['build'] })],
  retries: { max: 3, backoffSeconds: [60] },
});
const libz = testRecipe('libz', { concurrency: 1 });
const failure = {
  class: 'Command Failed',
  message: 'step "make" ended with exit code 2',
  phase: 'build',
  step: 'make',
  line: 2,
  lineText: 'error: no',
  exitCode: 2,
  signal: null,
} as const;

beforeAll(async () => {
  p = await testPlatform();
  await seedRecipes(p.db, [libfoo, libz]);
});
afterAll(async () => await p.stop());

const detail = async (runId: string): Promise<RunDetail> => {
  const run = await p.json<RunDetail>(`/api/runs/${runId}`);
  expect([...Compile(RunDetail).Errors(run)]).toEqual([]);
  return run;
};
const act = async (runId: string, action: string) => {
  const response = await p.ask(`/api/runs/${runId}/${action}`, { method: 'POST', body: {} });
  return { status: response.status, body: await response.json() };
};

describe('a run', () => {
  it('tells its whole story from queued to failed and again', async () => {
    const { runId, requestId } = await seedRun(p.db, libfoo, '1.2');
    let run = await detail(runId);
    expect(run).toMatchObject({
      status: 'queued',
      percent: 0,
      jobs: { total: 2, finished: 0 },
      actions: ['cancel'],
      requestId,
    });
    expect(run.jobList.map((job) => job.waiting)).toEqual(['no agent is connected', 'waits for job build']);

    const agentId = await seedAgent(p.db, 'one', ['linux'], 1);
    const [job] = await claim(p.db, agentId, 'one', ['linux']);
    if (!job) throw new Error('no job was claimed');
    await p.db`UPDATE attempts SET percent = 50, text = 'compiling', status = 'building' WHERE job_id = ${job.jobId}`;
    await seedFrames(p.db, [testFrame(job, 1, 1, ['checking', 'error: no'])]);
    run = await detail(runId);
    expect(run).toMatchObject({ status: 'building', percent: 25, text: 'compiling', retriesLeft: 3 });
    expect(run.jobList[0]?.attempts).toMatchObject([
      { attempt: 1, agentName: 'one', lines: 2, percent: 50, failure: null },
    ]);

    await finish(p.db, job, failure, 1);
    await p.db`UPDATE runs SET status = 'failed', finished_at = now(), failure = ${JSON.stringify(failure)}::text::jsonb WHERE run_id = ${runId}`;
    run = await detail(runId);
    expect(run).toMatchObject({ status: 'failed', text: failure.message, failure, actions: ['retry'] });
    expect(run.jobList[0]).toMatchObject({ status: 'failed', attempts: [{ failure }] });

    const hints: unknown[] = [];
    const stop = p.bus.subscribe(SUBJECTS.changed, (message) => hints.push(message));
    expect(await act(runId, 'retry')).toMatchObject({ status: 200, body: { runId, status: 'queued' } });
    stop();
    expect(hints).toEqual([{ topic: 'run', id: runId }]);
    run = await detail(runId);
    expect(run).toMatchObject({ status: 'queued', attempt: 2, retriesLeft: 2, failure: null });
    expect(run.timeline.map((entry) => entry.name)).toContain('run.retry_requested');
  });

  it('refuses what its state does not allow, with both states', async () => {
    const { runId } = await seedRun(p.db, libz, '1');
    expect(await act(runId, 'retry')).toMatchObject({
      status: 409,
      body: { error: { code: 'illegal_state_change', from: 'queued', to: 'queued' } },
    });
    expect(await act(runId, 'cancel')).toMatchObject({ status: 200, body: { status: 'cancelled' } });
    expect(await act(runId, 'cancel')).toMatchObject({
      status: 409,
      body: { error: { from: 'cancelled', to: 'cancelled' } },
    });
    expect((await detail(runId)).text).toBe('cancelled by admin');
    expect(await act(crypto.randomUUID(), 'cancel')).toMatchObject({ status: 404 });
  });

  it('waits for the limit of its recipe', async () => {
    const agentId = await seedAgent(p.db, 'two');
    await seedRun(p.db, libz, '2');
    await claim(p.db, agentId, 'two');
    const { runId } = await seedRun(p.db, libz, '3');
    expect((await detail(runId)).jobList[0]?.waiting).toBe(
      'recipe libz allows one run at once, and one is in progress',
    );
  });
});

describe('a run is asked for', () => {
  const start = async (body: unknown) => {
    const response = await p.ask('/api/runs', { method: 'POST', body });
    return { status: response.status, body: await response.json() };
  };

  it('by recipe, and stored as an event before it is answered', async () => {
    const { status, body } = await start({ recipe: 'libfoo', version: '2.0', force: true });
    expect(status).toBe(202);
    const [event] =
      await p.db`SELECT source, name, payload, request_id, traceparent FROM events WHERE event_id = ${body.eventId}`;
    expect(event).toMatchObject({
      source: 'manual',
      name: 'build',
      requestId: body.requestId,
      payload: { recipe: 'libfoo', version: '2.0', force: true, by: 'admin', ref: null, commit: null },
      traceparent: expect.stringMatching(/^00-/),
    });
    expect(await p.json(`/api/events/${body.eventId}`)).toMatchObject({
      status: 'pending',
      routingKey: 'recipe:libfoo',
    });
  });

  it('of a recipe that is not there, with the nearest names', async () => {
    const { status, body } = await start({ recipe: 'libfo' });
    expect([status, body.error.message]).toEqual([404, 'there is no recipe "libfo"; did you mean libfoo?']);
  });

  it.each([
    [{}],
    [{ recipe: '' }],
    [{ recipe: 5 }],
    [{ recipe: 'libfoo', x: 1 }],
    [{ recipe: 'libfoo', force: 'yes' }],
    [[]],
  ])('wrongly: %j', async (body) => {
    expect((await start(body)).status).toBe(400);
  });
});

describe('the list of runs', () => {
  it('is paged without gap or repeat while runs are added', async () => {
    const recipe = testRecipe('paged');
    for (let n = 0; n < 25; n++) await seedRun(p.db, recipe, `1.${n}`);
    await p.db`UPDATE runs SET created_at = date_trunc('second', created_at) WHERE recipe = 'paged'`;
    const seen: RunSummary[] = [];
    let cursor: string | null = null;
    do {
      const query: string = cursor ? `&cursor=${encodeURIComponent(cursor)}` : '';
      const page: RunList = await p.json(`/api/runs?recipe=paged&limit=7${query}`);
      expect([...Compile(RunList).Errors(page)]).toEqual([]);
      seen.push(...page.runs);
      cursor = page.nextCursor;
      await seedRun(p.db, recipe, `2.${seen.length}`);
    } while (cursor !== null);
    const old = seen.filter((run) => run.version.startsWith('1.'));
    expect(new Set(old.map((run) => run.runId)).size).toBe(25);
    expect(seen).toHaveLength(25);
  });

  it('is narrowed by recipe, status and version', async () => {
    expect(await p.json('/api/runs?recipe=paged&version=1.3')).toMatchObject({ total: 1, runs: [{ version: '1.3' }] });
    expect(await p.json('/api/runs?recipe=paged&status=failed')).toMatchObject({
      total: 0,
      runs: [],
      nextCursor: null,
    });
  });

  it.each([
    'limit=0',
    'limit=201',
    'limit=x',
    'limit=1&limit=2',
    'status=done',
    'cursor=x',
    'cursor=1.2',
    'colour=red',
  ])('refuses ?%s', async (query) => {
    expect((await p.ask(`/api/runs?${query}`)).status).toBe(400);
  });
});

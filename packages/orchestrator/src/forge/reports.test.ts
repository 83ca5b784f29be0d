import { requestCancel } from '@kiln/store/runs/cancel.ts';
import { requestRetry, retryRun } from '@kiln/store/runs/retries.ts';
import { describe, expect, test, vi } from 'vitest';
import { until } from '../../../../tests/support/until.ts';
import { startForgeReports } from './reports.ts';
import { PUBLIC_URL, type ReportingFarm, reportingFarm, TEST_TIMING } from './testing.ts';
import { commitRun } from './testing-runs.ts';

describe('a run is reported as it goes', () => {
  test('pending when it starts, success at its end, with both ids and a link', async () => {
    const t = await reportingFarm('github');
    await t.report();
    const run = await t.run({ publish: { repository: 'main', package: 'libfoo', files: ['**'], keep: 1 } });
    await run.start();
    await t.reported(1, run);
    await run.complete();
    const [pending, success] = await t.reported(2, run);
    const common = {
      repository: 'acme/libfoo',
      sha: run.commit,
      context: 'kiln/libfoo',
      link: `${PUBLIC_URL}/runs/${run.runId}`,
    };
    expect(pending).toMatchObject({ ...common, state: 'pending', text: expect.stringMatching(/^Building \| /) });
    expect(success).toMatchObject({
      ...common,
      state: 'success',
      text: expect.stringMatching(/^Built and published in /),
    });
    for (const { text } of t.forge.seen) {
      expect(text).toContain(`Trace: ${run.requestId}`);
      expect(text).toContain(`Run: ${run.runId}`);
    }
    await until('the log line', () => t.farm.lines('commit status reported').length === 2);
    expect(t.farm.lines('commit status reported')).toMatchObject([
      { level: 'info', runId: run.runId, requestId: run.requestId, forge: new URL(t.forge.url).host, state: 'running' },
      { level: 'info', runId: run.runId, requestId: run.requestId, state: 'success' },
    ]);
    expect(await t.row(run)).toMatchObject({ state: 'success', attempt: 1, closed: true, lastError: null });
    expect(await t.farm.db`SELECT name, detail FROM timeline WHERE run_id = ${run.runId}`).toEqual([
      { name: 'forge.reported', detail: { state: 'success' } },
    ]);
    expect(await t.outcomes()).toEqual({ 'github told': 2 });
    expect(t.forge.broken).toEqual([]);
  });

  test('a failure with its phase and the next try, and the retry that follows', async () => {
    const t = await reportingFarm('github');
    await t.report();
    const run = await t.run();
    await run.start();
    await t.reported(1, run);
    const retryAt = await run.fail();
    const next = retryAt?.toISOString().slice(11, 16);
    expect((await t.reported(2, run))[1]).toMatchObject({
      state: 'failure',
      text: expect.stringContaining(`Failed in test, next try ${next} UTC: step "make" e… | Trace: `),
    });
    expect(await t.row(run)).toMatchObject({ state: 'failure', closed: false });
    await requestRetry(t.farm.db, run.runId);
    await run.start();
    await t.reported(3, run);
    await run.complete();
    await t.reported(4, run);
    expect(t.states()).toEqual(['pending', 'failure', 'pending', 'success']);
    expect(await t.row(run)).toMatchObject({ state: 'success', attempt: 2, closed: true });
    expect(t.forge.broken).toEqual([]);
  });

  test('a run that failed for good and is tried again by hand, however quick that is', async () => {
    const t = await reportingFarm('github');
    await t.report();
    const run = await t.run();
    await run.fail({ final: true });
    await t.reported(1, run);
    expect(await t.row(run)).toMatchObject({ state: 'failure', closed: true });
    await requestRetry(t.farm.db, run.runId);
    await run.start();
    await t.reported(2, run);
    await run.fail({ final: true });
    await t.reported(3, run);
    await t.farm.db.begin(async (sql) => {
      await retryRun(sql, run.runId);
      await sql`UPDATE runs SET status = 'completed', finished_at = now() WHERE run_id = ${run.runId}`;
    });
    await t.reported(4, run);
    expect(t.states()).toEqual(['failure', 'pending', 'failure', 'success']);
  });

  test('a cancelled run, with who did it', async () => {
    const t = await reportingFarm('github');
    await t.report();
    const run = await t.run();
    await requestCancel(t.farm.db, run.runId, 'alice');
    expect((await t.reported(1, run))[0]).toMatchObject({
      state: 'error',
      text: expect.stringMatching(/^Cancelled by alice \| /),
    });
    expect(await t.row(run)).toMatchObject({ state: 'cancelled', closed: true });
  });

  test('a wait in the queue, when it lasts', async () => {
    const t = await reportingFarm('gitlab');
    await t.report();
    const run = await t.run();
    t.hint(run);
    await until('it is enrolled', async () => await t.row(run));
    expect(t.forge.calls()).toBe(0);
    await t.farm.db`UPDATE runs SET created_at = created_at - interval '6 seconds'`;
    expect((await t.reported(1, run))[0]).toMatchObject({
      state: 'pending',
      text: expect.stringMatching(/^Waiting for an agent \| /),
    });
  });

  test('without any hint, by looking now and then', async () => {
    const t = await reportingFarm('github');
    await t.report({}, { everyMs: 50 });
    const run = await t.run();
    await run.start();
    await until('the report', () => t.forge.seen.length === 1);
    await run.complete();
    await until('the report', () => t.forge.seen.length === 2);
    expect(t.states()).toEqual(['pending', 'success']);
  });
});

describe('each forge in its own words', () => {
  const life = async (t: ReportingFarm) => {
    const run = await t.run();
    await run.start();
    await t.reported(1, run);
    await run.fail();
    await t.reported(2, run);
    await requestRetry(t.farm.db, run.runId);
    await run.start();
    await t.reported(3, run);
    await requestCancel(t.farm.db, run.runId, 'bob');
    await t.reported(4, run);
    expect(t.forge.broken).toEqual([]);
    return run;
  };

  test('Gitea', async () => {
    const t = await reportingFarm('gitea');
    await t.report();
    const run = await life(t);
    expect(t.states()).toEqual(['pending', 'failure', 'pending', 'error']);
    expect(t.forge.seen[1]?.text).toMatch(/step "make" ended with exit code 2 \| Trace: /);
    expect(t.forge.seen[1]).toMatchObject({ repository: 'acme/libfoo', sha: run.commit, context: 'kiln/libfoo' });
  });

  test('GitLab', async () => {
    const t = await reportingFarm('gitlab');
    await t.report();
    await life(t);
    expect(t.states()).toEqual(['running', 'failed', 'running', 'canceled']);
    expect(t.forge.seen[0]?.body).toMatchObject({ ref: 'v1.2', name: 'kiln/libfoo' });
  });

  test('GitHub with check runs: one for each attempt, changed as it goes, with the whole summary', async () => {
    const t = await reportingFarm('github');
    await t.report({ report: 'check-run' });
    const run = await life(t);
    expect(t.forge.seen.map(({ method, state }) => `${method} ${state}`)).toEqual([
      'POST in_progress',
      'PATCH failure',
      'POST in_progress',
      'PATCH cancelled',
    ]);
    for (const { text, body } of t.forge.seen) {
      const lines = text.split('\n');
      expect(lines).toContain(`Trace: ${run.requestId}`);
      expect(lines).toContain(`Run: ${run.runId}`);
      expect(lines).toContain(`[The run in Kiln](${PUBLIC_URL}/runs/${run.runId})`);
      expect(body.external_id).toBe(run.runId);
    }
    const lines = t.forge.seen[1]?.text.split('\n');
    expect(lines).toContain('Failed in phase test: step "make" ended with exit code 2.');
    expect(lines).toContain("    src/main.c:3: error: 'x' undeclared");
    expect(t.forge.seen[1]?.text).toMatch(/The next try is at \d{4}-\d\d-\d\d \d\d:\d\d UTC\./);
  });

  test('a check run that is gone is made again', async () => {
    const t = await reportingFarm('github');
    await t.report({ report: 'check-run' });
    const run = await t.run();
    await run.start();
    await t.reported(1, run);
    await t.farm.db`UPDATE forge_reports SET remote_id = '404'`;
    await run.complete();
    await t.reported(2, run);
    expect(t.forge.seen.map(({ method }) => method)).toEqual(['POST', 'POST']);
  });
});

describe('runs that no forge is told about', () => {
  test('live elsewhere or have no commit', async () => {
    const t = await reportingFarm('github');
    const reports = await t.report();
    await (await commitRun(t.farm.db, 'https://elsewhere.example/acme/libfoo.git')).complete();
    await (await commitRun(t.farm.db, '/srv/git/libfoo')).complete();
    const bare = await t.run();
    await t.farm.db`UPDATE runs SET commit_hash = NULL WHERE run_id = ${bare.runId}`;
    await bare.complete();
    await reports.flush();
    expect(t.forge.calls()).toBe(0);
    expect(await t.farm.db`SELECT * FROM forge_reports`).toEqual([]);
  });

  test('without a configured forge there is no loop, and a changed run costs no query', async () => {
    const t = await reportingFarm('github');
    let queries = 0;
    const db = new Proxy(t.farm.db, {
      apply(target, self, given) {
        queries++;
        return Reflect.apply(target, self, given);
      },
    });
    const subscribe = vi.spyOn(t.farm.context.bus, 'subscribe');
    const reports = startForgeReports({ ...t.farm.context, db }, TEST_TIMING);
    const run = await t.run();
    await run.complete();
    for (let n = 0; n < 100; n++) t.hint(run);
    await reports.flush();
    expect(subscribe).not.toHaveBeenCalled();
    expect({ queries, loops: t.farm.context.lifecycle.loops().length, calls: t.forge.calls() }).toEqual({
      queries: 0,
      loops: 0,
      calls: 0,
    });
  });
});

import { describe, expect, test } from 'vitest';
import { until } from '../../../../tests/support/until.ts';
import { reportingFarm } from './testing.ts';

describe('over crashes and in company', () => {
  test('what was sent but not written down is sent again, which changes nothing', async () => {
    const t = await reportingFarm('gitlab');
    t.forge.treat(() => 'lost');
    await t.report();
    const run = await t.run();
    await run.start();
    t.hint(run);
    await until('it arrived', () => t.forge.seen.length === 1);
    t.forge.treat();
    await t.until('it was sent again', run, async () => (await t.row(run))?.state === 'running');
    expect(t.forge.calls()).toBeGreaterThan(1);
    expect(t.states()).toEqual(['running']);
    await run.complete();
    await t.reported(2, run);
    expect(t.states()).toEqual(['running', 'success']);
  });

  test('a process that dies in the middle of a call is followed by another when its lease is over', async () => {
    const t = await reportingFarm('github');
    const run = await t.run();
    await t.farm.db`INSERT INTO forges VALUES (${t.forge.url}, now()) ON CONFLICT DO NOTHING`;
    await t.farm.db`INSERT INTO forge_reports (run_id, forge, repository, fence, leased_by, lease_expires_at)
        VALUES (${run.runId}, ${t.forge.url}, 'acme/libfoo', 1, 'killed', now() + interval '1 hour')`;
    await run.complete();
    await t.report();
    const other = await t.run();
    await other.complete();
    await t.until('another run is reported', run, () => t.forge.seen.length === 1);
    expect(t.forge.seen.map(({ sha }) => sha)).toEqual([other.commit]);
    await t.farm.db`UPDATE forge_reports SET lease_expires_at = now()`;
    await t.reported(2, run);
    expect(t.forge.seen.map(({ sha, state }) => [sha, state])).toEqual([
      [other.commit, 'success'],
      [run.commit, 'success'],
    ]);
  });

  test('what ended while no process ran is reported at the next start; what ran before the forge was configured is not', async () => {
    const t = await reportingFarm('github');
    const before = await t.run();
    await before.complete();
    await t.farm.db`UPDATE runs SET created_at = created_at - interval '2 minutes'`;
    const node = await t.farm.join({ bus: t.farm.context.bus });
    await t.report({}, { node });
    const run = await t.run();
    await run.start();
    await t.reported(1, run);
    await node.stop();
    await run.complete();
    const another = await t.run();
    await another.complete();
    await t.report();
    await t.reported(3, run);
    expect(t.forge.seen.map(({ sha, state }) => [sha, state])).toEqual(
      expect.arrayContaining([
        [run.commit, 'pending'],
        [run.commit, 'success'],
        [another.commit, 'success'],
      ]),
    );
    expect(await t.row(before)).toBeUndefined();
  });

  test('several orchestrators tell each thing once', async () => {
    const t = await reportingFarm('github');
    const nodes = await Promise.all([1, 2].map(async () => await t.farm.join({ bus: t.farm.context.bus })));
    await t.report();
    for (const node of nodes) await t.report({}, { node });
    const run = await t.run();
    const runs = [run, ...(await Promise.all(Array.from({ length: 19 }, async () => await t.run())))];
    await Promise.all(runs.map(async (one) => await one.start()));
    await t.reported(20, run);
    await Promise.all(runs.map(async (one) => await one.complete()));
    await t.reported(40, run);
    for (const one of runs)
      expect(t.forge.seen.filter(({ sha }) => sha === one.commit).map(({ state }) => state)).toEqual([
        'pending',
        'success',
      ]);
  });

  test('a stop ends a call under way at once, and the next start makes it', async () => {
    const t = await reportingFarm('github');
    t.forge.treat(() => 'hang');
    const node = await t.farm.join({ bus: t.farm.context.bus });
    await t.report({}, { node });
    const run = await t.run();
    await run.start();
    t.hint(run);
    await until('the call', () => t.forge.calls() === 1);
    await node.stop();
    expect(await t.row(run)).toMatchObject({ state: null, lastError: 'Kiln stopped meanwhile' });
    t.forge.treat();
    await t.report();
    await t.reported(1, run);
  });

  test('the older of two runs for a commit has no word any more', async () => {
    const t = await reportingFarm('github');
    const reports = await t.report();
    t.forge.treat(() => ({ status: 503 }));
    const old = await t.run();
    await old.fail();
    await reports.flush();
    const young = await t.run({ commit: old.commit });
    await young.complete();
    t.forge.treat();
    await t.reported(1, young);
    await t.until('the old one is settled', old, async () => (await t.row(old))?.state === 'failure');
    expect(t.states()).toEqual(['success']);
    expect(await t.outcomes()).toMatchObject({ 'github superseded': 1, 'github told': 1 });
  });

  test('flush tells everything that is left', async () => {
    const t = await reportingFarm('github');
    const reports = await t.report();
    for (let n = 0; n < 11; n++) await (await t.run()).complete();
    await reports.flush();
    expect(t.states()).toEqual(Array(11).fill('success'));
  });
});

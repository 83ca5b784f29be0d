import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { until } from '../../../../tests/support/until.ts';
import { reportingFarm } from './testing.ts';

describe('a forge in trouble', () => {
  test('that is down loses nothing: all runs are reported when it is back, each in order', async () => {
    const t = await reportingFarm('github');
    await t.report();
    const [first, second, third] = [await t.run(), await t.run(), await t.run()];
    for (const run of [first, second]) await run.start();
    await t.reported(2, first);
    t.forge.treat(() => 'down');
    for (const run of [second, third]) await run.start();
    await first.complete();
    await second.fail();
    t.hint(first);
    await until('the trouble is known', () => t.farm.lines('forge takes no reports').length > 0);
    await third.complete();
    const before = t.forge.seen.length;
    t.forge.treat();
    expect(before).toBe(2);
    await t.reported(before + 3, first);
    const last = new Map(t.forge.seen.map(({ sha, state }) => [sha, state]));
    expect(last).toEqual(
      new Map([
        [first.commit, 'success'],
        [second.commit, 'failure'],
        [third.commit, 'success'],
      ]),
    );
    expect(t.forge.seen).toHaveLength(before + 3);
    expect(t.farm.lines('forge takes no reports').filter(({ level }) => level === 'warn')).toHaveLength(1);
    expect(t.farm.lines('forge takes reports again')).toHaveLength(1);
  });

  test('that asks for time gets it', async () => {
    const t = await reportingFarm('github');
    await t.report();
    const message = 'API rate limit exceeded for installation ID 1.';
    let reset = Number.POSITIVE_INFINITY;
    t.forge.treat(() => {
      if (t.forge.calls() === 1) reset = Math.ceil(Date.now() / 1000) + 1;
      if (Date.now() >= reset * 1000) return undefined;
      const headers = { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(reset) };
      return { status: 403, headers, body: { message } };
    });
    const run = await t.run();
    await run.start();
    t.hint(run);
    await until('the limit is known', () => t.farm.lines('forge limits the rate of reports').length > 0);
    const other = await t.run();
    await other.start();
    await t.reported(2, run);
    expect(t.forge.calls()).toBe(3);
    expect(await t.outcomes()).toEqual({ 'github limited': 1, 'github told': 2 });
    expect((await t.row(run))?.refusals).toBe(0);
  });

  test('that hangs holds nobody up, and few calls wait for it', async () => {
    const t = await reportingFarm('github');
    t.forge.treat(() => 'hang');
    const run = await t.run();
    const runs = [run, ...(await Promise.all(Array.from({ length: 8 }, async () => await t.run())))];
    for (const one of runs) await one.start();
    await t.report({}, { timeoutMs: 1_000 });
    await until('the calls', () => t.forge.calls() === 4);
    await until('the trouble is known', () => t.farm.lines('forge takes no reports')[0]);
    expect(t.farm.lines('forge takes no reports')[0]).toMatchObject({
      level: 'warn',
      error: 'gave no answer within 1 s',
    });
    expect(t.forge.mostAtOnce()).toBe(4);
    t.forge.treat();
    await t.reported(9, run);
  });

  test('that refuses a report hears it three times, then one warning tells why and what to do', async () => {
    const t = await reportingFarm('github');
    await t.report();
    t.forge.treat(({ repository }) =>
      repository === 'acme/gone' ? { status: 404, body: { message: 'Not Found' } } : undefined,
    );
    const run = await t.run({ repository: 'acme/gone' });
    const other = await t.run();
    for (const one of [run, other]) await one.start();
    await t.until('it is given up', run, () => t.farm.lines('commit status refused').length > 0);
    await t.until('the other is told', run, () => t.forge.seen.length === 1);
    expect(t.forge.calls()).toBe(4);
    expect(t.states()).toEqual(['pending']);
    expect(t.farm.lines('commit status refused')).toMatchObject([
      {
        level: 'warn',
        runId: run.runId,
        error: 'answered 404: Not Found',
        remedy: expect.stringContaining('acme/gone'),
      },
    ]);
    await run.complete();
    await t.until('one try for its end', run, async () => (await t.row(run))?.closed);
    expect(t.forge.calls()).toBe(5);
    expect(t.farm.lines('commit status refused').filter(({ level }) => level === 'warn')).toHaveLength(1);
    expect(await t.outcomes()).toMatchObject({ 'github refused': 4, 'github given_up': 2, 'github told': 1 });
  });

  test('with a wrong token is told again with the right one, and no token is ever logged', async () => {
    const t = await reportingFarm('github');
    await t.report();
    await writeFile(join(t.farm.dataDir, 'forge-token'), 'not-the-token\n');
    const run = await t.run();
    await run.start();
    t.hint(run);
    const line = await until('the warning', () => t.farm.lines('forge takes no reports')[0]);
    expect(line.error).toBe('answered 401: Bad credentials; check the token file');
    await writeFile(join(t.farm.dataDir, 'forge-token'), `  ${t.forge.token}\r\n`);
    await t.reported(1, run);
    expect(JSON.stringify(t.farm.lines())).not.toMatch(/not-the-token|a-token-of-the-forge/);
  });
});

import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import { insertEvents } from '@kiln/store/events.ts';
import { recordPackages } from '@kiln/store/packages.ts';
import { testRecipe } from '@kiln/store/test-run.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type TestFarm, testFarm } from '../../../../tests/support/farm-context.ts';
import { until } from '../../../../tests/support/until.ts';
import { afterRunEvents } from './after.ts';
import { startRouting } from './routing.ts';
import { order, rosterOf, route, runsOf } from './test-router.ts';

let farm: TestFarm;
beforeEach(async () => {
  farm = await testFarm();
});
afterEach(async () => await farm.drop());

describe('an order for a recipe', () => {
  test('becomes one run, with its milestones and log lines', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const event = await route(farm, order('tool', '1.0'));
    expect(event).toMatchObject({ status: 'done', outcome: 'created 1 run', attempts: 1 });
    expect(await runsOf(farm)).toEqual([
      { recipe: 'tool', version: '1.0', ref: null, commit: null, trigger: 'manual' },
    ]);
    const { eventId, requestId, runs: created } = event;
    const line = farm.lines('run created')[0];
    expect(line).toMatchObject({ level: 'info', eventId, requestId, routingKey: 'recipe:tool', runId: created[0] });
    const told = await farm.db`SELECT name, run_id FROM timeline WHERE request_id = ${requestId} ORDER BY timeline_id`;
    expect(told).toEqual([
      { name: 'event.matched', runId: null },
      { name: 'run.created', runId: created[0] },
    ]);
  });

  test('is routed by the recipes that whoever gave it may have known', async () => {
    const recipes = [testRecipe('tool')];
    const get = (name: string) => recipes.find((recipe) => recipe.name === name);
    const catchUp = async () => void recipes.push(testRecipe('new'));
    startRouting(farm.context, { all: () => recipes, get, catchUp });
    expect((await route(farm, order('new', '1.0'))).outcome).toBe('created 1 run');
  });

  test.each([
    ['an unknown recipe', 'nothing', '1.0', 'ignored: there is no recipe "nothing"'],
    ['a version that leads elsewhere', 'tool', '../../etc', "can't be a version"],
    ['a recipe that nobody starts by hand', 'shy', '1.0', 'ignored: shy has no manual trigger'],
  ])('%s is ignored with a reason', async (_what, recipe, version, reason) => {
    startRouting(farm.context, rosterOf(testRecipe('tool'), testRecipe('shy', { triggers: [] })));
    expect((await route(farm, order(recipe, version))).outcome).toContain(reason);
    expect(await runsOf(farm)).toEqual([]);
  });

  test('without a version gets one from the clock, another one each time', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const arrive = async (count: number) => {
      await farm.db.begin(async (sql) => {
        await insertEvents(
          sql,
          Array.from({ length: count }, () => order('tool', null)),
        );
        await sql`UPDATE events SET received_at = ${new Date('2024-01-02T09:30:11Z')}`;
      });
      farm.context.bus.publish(SUBJECTS.event, {});
    };
    await arrive(2);
    await until('two runs', async () => (await runsOf(farm)).length === 2);
    await arrive(1);
    await until('three runs', async () => (await runsOf(farm)).length === 3);
    const version = '20240102.093011';
    expect((await runsOf(farm)).map((run) => run.version)).toEqual([version, `${version}.2`, `${version}.3`]);
  });

  test('is not repeated while a run of it is in progress, unless it is forced', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const first = await route(farm, order('tool', '1.0'));
    expect((await route(farm, order('tool', '1.0'))).outcome).toBe(
      `ignored: run ${first.runs[0]} of tool 1.0 is in progress`,
    );
    expect((await route(farm, order('tool', '1.0', { force: true }))).outcome).toBe('created 1 run');
  });

  test('two for the same version in one batch are one run', async () => {
    await insertEvents(farm.db, [order('tool', '1.0'), order('tool', '1.0'), order('tool', '1.1')]);
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    await until('all done', async () => (await farm.db`SELECT 1 FROM events WHERE status <> 'done'`).length === 0);
    expect((await runsOf(farm)).map((run) => run.version)).toEqual(['1.0', '1.1']);
  });

  test('waits for the retry of a failed version', async () => {
    startRouting(farm.context, rosterOf(testRecipe('tool')));
    const later = new Date(Date.now() + 60_000);
    await farm.db`
      INSERT INTO backoff (recipe, version, failures, next_retry, run_id) VALUES ('tool', '1.0', 1, ${later}, ${randomUUID()})`;
    expect((await route(farm, order('tool', '1.0'))).outcome).toBe(
      `ignored: tool 1.0 waits for its retry at ${later.toISOString()}`,
    );
    expect(farm.lines('build skipped')).toMatchObject([{ level: 'debug', recipe: 'tool', version: '1.0' }]);
    expect((await route(farm, order('tool', '1.0', { force: true }))).outcome).toBe('created 1 run');
  });

  test('is not built again when any node published it', async () => {
    const recipe = testRecipe('tool', { publish: { repository: 'main', package: 'tool', files: ['**'], keep: 1 } });
    const published = { repository: 'main', package: 'tool', version: '1.0', recipe: 'tool', files: [], keep: 1 };
    await farm.db.begin(async (sql) => await recordPackages(sql, { ...published, runId: randomUUID() }));
    startRouting(farm.context, rosterOf(recipe));
    expect((await route(farm, order('tool', '1.0'))).outcome).toBe('ignored: tool 1.0 is in the archive');
    expect((await route(farm, order('tool', '1.1'))).outcome).toBe('created 1 run');
    expect((await route(farm, order('tool', '1.0', { force: true }))).outcome).toBe('created 1 run');
    expect(farm.lines('dedup check failed')).toEqual([]);
  });

  test('is not built again when it is in the archive, and is built when the archive can not be read', async () => {
    const recipe = testRecipe('tool', { publish: { repository: 'main', package: 'tool', files: ['**'], keep: 1 } });
    const archive = join(farm.context.config.repositoriesDir, 'main', 'archive');
    await mkdir(archive, { recursive: true });
    const index = { format: 1, packages: { tool: { keep: 1, versions: ['1.0'] } } };
    await writeFile(join(archive, 'index.json'), JSON.stringify(index));
    startRouting(farm.context, rosterOf(recipe));
    expect((await route(farm, order('tool', '1.0'))).outcome).toBe('ignored: tool 1.0 is in the archive');
    expect(farm.lines('dedup check failed')).toEqual([]);
    await writeFile(join(archive, 'index.json'), '{');
    const event = await route(farm, order('tool', '1.0'));
    expect(event.outcome).toBe('created 1 run');
    const { requestId, eventId } = event;
    expect(farm.lines('dedup check failed')).toMatchObject([
      { level: 'warn', recipe: 'tool', version: '1.0', requestId, eventId },
    ]);
  });
});

test('the success of a recipe starts those after it, in the same request, once', async () => {
  const recipes = [testRecipe('base'), testRecipe('top', { triggers: [{ after: 'base' }] })];
  startRouting(farm.context, rosterOf(...recipes));
  const event = await route(farm, order('base', '1.0'));
  const run = { runId: event.runs[0] ?? '', requestId: event.requestId, recipe: 'base', version: '1.0' };
  expect(await farm.db.begin(async (sql) => await afterRunEvents(sql, run, recipes))).toBe(1);
  expect(await farm.db.begin(async (sql) => await afterRunEvents(sql, run, recipes))).toBe(0);
  farm.context.bus.publish(SUBJECTS.event, {});
  await until('two runs', async () => (await runsOf(farm)).length === 2);
  const [row] = await farm.db`SELECT recipe, trigger, requested_by, request_id FROM runs WHERE recipe = 'top'`;
  expect(row).toEqual({ recipe: 'top', trigger: 'after', requestedBy: 'after base 1.0', requestId: event.requestId });
});

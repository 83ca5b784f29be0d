import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { takeLead } from './leadership.ts';
import { holdRoster, readRoster, rosterState, saveRoster } from './recipes.ts';
import { testDatabase } from './testing.ts';

let made: Awaited<ReturnType<typeof testDatabase>>;
beforeAll(async () => {
  made = await testDatabase();
});
afterAll(async () => await made.drop());

const recipe = (name: string): CompiledRecipe => ({
  name,
  description: 'quotes \' and " and \\ and ünïcode',
  upstream: null,
  triggers: ['manual'],
  priority: 0,
  concurrency: null,
  retries: { max: null, backoffSeconds: [60] },
  jobs: [],
  publish: null,
});

const lead = async (instance: string) => {
  await made.db`UPDATE leadership SET expires_at = now()`;
  return { instance, term: (await takeLead(made.db, instance)) ?? 0, source: `${instance}:/recipes` };
};
const names = async () => (await readRoster(made.db)).recipes.map(({ name }) => name);

test('the roster comes back as it was saved, in its order, and replaces the one before', async () => {
  const author = await lead('one');
  const all = [recipe('zlib'), recipe('abc'), recipe('musl')];
  expect(await saveRoster(made.db, all, author)).toBe(1);
  expect(await readRoster(made.db)).toEqual({ version: 1, recipes: all });
  expect(await rosterState(made.db)).toEqual({ version: 1, source: 'one:/recipes', savedBy: 'one' });
  expect(await saveRoster(made.db, [recipe('musl')], author)).toBe(2);
  expect(await names()).toEqual(['musl']);
  await saveRoster(made.db, [], author);
  expect(await readRoster(made.db)).toEqual({ version: 3, recipes: [] });
});

test('many that save at once leave one whole roster', async () => {
  const author = await lead('one');
  const rosters = Array.from({ length: 6 }, (_, i) => [recipe('a'), recipe(`only-${i}`), recipe('b')]);
  await Promise.all(rosters.map(async (roster) => await saveRoster(made.db, roster, author)));
  expect(rosters.map((roster) => roster.map((r) => r.name))).toContainEqual(await names());
});

test('an orchestrator that leads no more saves nothing', async () => {
  const before = await lead('one');
  await saveRoster(made.db, [recipe('a')], before);
  await lead('two');
  expect(await saveRoster(made.db, [], before)).toBeNull();
  const again = await lead('one');
  expect(await saveRoster(made.db, [], before)).toBeNull();
  expect(await names()).toEqual(['a']);
  expect(await saveRoster(made.db, [], again)).not.toBeNull();
});

test('what is derived from a roster is not written for one that was replaced', async () => {
  const author = await lead('one');
  const version = (await saveRoster(made.db, [recipe('a')], author)) ?? 0;
  expect(await made.db.begin(async (sql) => await holdRoster(sql, version))).toBe(true);
  await saveRoster(made.db, [recipe('b')], author);
  expect(await made.db.begin(async (sql) => await holdRoster(sql, version))).toBe(false);
});

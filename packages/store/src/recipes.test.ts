import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRoster, saveRoster } from './recipes.ts';
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

test('the roster comes back as it was saved, in its order, and replaces the one before', async () => {
  await saveRoster(made.db, [recipe('zlib'), recipe('abc'), recipe('musl')]);
  expect(await readRoster(made.db)).toEqual([recipe('zlib'), recipe('abc'), recipe('musl')]);
  await saveRoster(made.db, [recipe('musl')]);
  expect((await readRoster(made.db)).map((r) => r.name)).toEqual(['musl']);
  await saveRoster(made.db, []);
  expect(await readRoster(made.db)).toEqual([]);
});

test('many that save at once leave one whole roster', async () => {
  const rosters = Array.from({ length: 6 }, (_, i) => [recipe('a'), recipe(`only-${i}`), recipe('b')]);
  await Promise.all(rosters.map(async (roster) => await saveRoster(made.db, roster)));
  const names = (await readRoster(made.db)).map((r) => r.name);
  expect(rosters.map((roster) => roster.map((r) => r.name))).toContainEqual(names);
});

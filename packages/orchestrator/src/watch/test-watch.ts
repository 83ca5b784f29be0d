import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { testRecipe } from '@kiln/store/test-run.ts';
import { requestPolls } from '@kiln/store/watches.ts';
import type { LogLine, TestFarm } from '../../../../tests/support/farm-context.ts';
import { GitRepository } from '../../../../tests/support/git-repository.ts';
import type { GitServer } from '../../../../tests/support/git-server.ts';
import { until } from '../../../../tests/support/until.ts';
import type { CompiledUpstream } from './match.ts';
import { testUpstream } from './test-upstream.ts';

/** A roster that a test changes by putting other recipes into it. */
export function rosterOf(...recipes: CompiledRecipe[]) {
  const get = (name: string) => recipes.find((recipe) => recipe.name === name);
  return { recipes, all: () => recipes, get, version: 0 };
}

let names = 0;

/** An upstream with these tags and a name of its own below `root`, and a recipe that watches it over HTTP. */
export async function watched(
  { root, server }: { root: string; server: GitServer },
  tags: readonly string[],
  more: Partial<CompiledUpstream> = {},
) {
  const name = `tool${++names}`;
  const repository = await GitRepository.withTags(root, name, tags);
  const upstream = testUpstream({ git: server.url(name), repository: `owner/${name}`, ...more });
  return { name, repository, recipe: testRecipe(name, { upstream, triggers: ['tag', 'manual'] }) };
}

/** The builds that were asked for, in order. */
export async function eventsOf(farm: TestFarm, recipe: string) {
  const rows = await farm.db<{ payload: { version: string; ref: string; commit: string }; requestId: string }[]>`
    SELECT payload, request_id FROM events WHERE payload->>'recipe' = ${recipe} ORDER BY next_attempt_at`;
  return rows.map(({ payload, requestId }) => ({ ...payload, requestId }));
}

export async function versionsOf(farm: TestFarm, recipe: string): Promise<string[]> {
  return (await eventsOf(farm, recipe)).map((event) => event.version);
}

/** The looks that ended well. */
export function looksOf(farm: TestFarm, recipe: string): LogLine[] {
  return farm.lines('poll complete').filter((line) => line.recipe === recipe);
}

/** Asks for a look, as a webhook does, and waits for its end. */
export async function look(farm: TestFarm, recipe: string, requestId = '11111111-1111-4111-8111-111111111111') {
  const ended = () => looksOf(farm, recipe).length + farm.lines('poll failed').length;
  const before = ended();
  await requestPolls(farm.db, [recipe], { requestId, traceparent: null });
  farm.context.bus.publish(SUBJECTS.watch, {});
  await until(`another look at ${recipe}`, () => ended() > before);
}

import { randomUUID } from 'node:crypto';
import type { EventDetail } from '@kiln/protocol/api.ts';
import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { BuildPayload, PushPayload } from '@kiln/protocol/events.ts';
import { getEvent, insertEvent, type NewEvent } from '@kiln/store/events.ts';
import type { TestFarm } from '../../../../tests/support/farm-context.ts';
import { until } from '../../../../tests/support/until.ts';

/** A roster of these recipes, as the router sees one. */
export function rosterOf(...recipes: CompiledRecipe[]) {
  const get = (name: string) => recipes.find((recipe) => recipe.name === name);
  return { all: () => recipes, get, version: 0, catchUp: async () => {} };
}

/** An order of a person for one recipe. */
export function order(recipe: string, version: string | null, more: Partial<BuildPayload> = {}): NewEvent {
  return {
    source: 'manual',
    deliveryId: randomUUID(),
    name: 'build',
    routingKey: `recipe:${recipe}`,
    payload: { recipe, version, ref: null, commit: null, force: false, by: 'alice', ...more },
  };
}

/** A push that GitHub tells of, to a tag when nothing else is given. */
export function push(repository: string, more: Partial<PushPayload> = {}): NewEvent {
  return {
    source: 'github',
    deliveryId: randomUUID(),
    name: 'webhook.push',
    routingKey: 'github:42',
    payload: { repository, urls: [], ref: 'refs/tags/v1', commit: null, deleted: false, sender: 'alice', ...more },
  };
}

/** Stores an event, tells the router, and waits until it is done. */
export async function route(farm: TestFarm, event: NewEvent): Promise<EventDetail> {
  const { eventId } = await insertEvent(farm.db, event);
  farm.context.bus.publish(SUBJECTS.event, {});
  return await until(`event ${event.deliveryId} is done`, async () => {
    const found = await getEvent(farm.db, eventId);
    return found?.status === 'done' || found?.status === 'dead' ? found : null;
  });
}

/** The runs so far, oldest first. */
export async function runsOf(farm: TestFarm) {
  return await farm.db<
    { recipe: string; version: string; ref: string | null; commit: string | null; trigger: string }[]
  >`
    SELECT recipe, version, ref, commit_hash AS commit, trigger FROM runs ORDER BY created_at, version`;
}

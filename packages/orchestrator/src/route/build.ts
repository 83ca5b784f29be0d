import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { BuildPayload, EventSource } from '@kiln/protocol/events.ts';
import { isVersion } from '@kiln/protocol/versions.ts';
import type { Queryable } from '@kiln/store/database.ts';
import { findTags } from '@kiln/store/tags.ts';
import { versionOfTag } from '../recipes/tags.ts';
import { type CompiledUpstream, isBelow } from '../watch/match.ts';
import { clockVersion } from './clock-version.ts';
import { type Candidate, type Plan, planOf, type Question } from './plan.ts';

const TRIGGERS: Partial<Record<EventSource, string>> = { poll: 'tag', schedule: 'schedule', run: 'after' };

/** What an order for one recipe comes to: a plan, or a question that only its upstream can answer. */
export async function planBuild(
  db: Queryable,
  order: BuildPayload,
  recipe: CompiledRecipe | undefined,
  event: { receivedAt: Date; source: EventSource },
): Promise<Plan | Question> {
  if (!recipe) return planOf({ reasons: [`there is no recipe "${order.recipe}"`] });
  const { version, force, by } = order;
  const trigger = TRIGGERS[event.source] ?? 'manual';
  const refusal = whyNot(order, recipe, trigger);
  if (refusal) return planOf({ reasons: [refusal] });
  const base = { recipe, force, trigger, by, oncePerCommit: false };
  const { upstream } = recipe;
  if (!upstream) {
    const made = version ?? clockVersion(event.receivedAt);
    return planOf({ candidates: [{ ...base, version: made, fromClock: version === null, ref: null, commit: null }] });
  }
  if (version !== null && order.ref !== null) {
    return planOf({ candidates: [{ ...base, version, fromClock: false, ref: order.ref, commit: order.commit }] });
  }
  const known = version === null ? null : await knownTag(db, { ...recipe, upstream }, version);
  if (known) return planOf({ candidates: [{ ...base, ...known }] });
  return { recipe: { ...recipe, upstream }, version, force, trigger, by };
}

/** Whether a build has to wait for an answer of its upstream. */
export function isQuestion(found: Plan | Question): found is Question {
  return 'recipe' in found;
}

function whyNot({ version, force }: BuildPayload, recipe: CompiledRecipe, trigger: string): string | null {
  if (trigger === 'manual' && !force && !recipe.triggers.includes('manual')) {
    return `${recipe.name} has no manual trigger; add "manual" to its triggers, or force the build`;
  }
  if (version === null) return null;
  if (!isVersion(version)) return `"${version}" can't be a version: use letters, digits and . _ + ~ : -`;
  if (recipe.upstream && isBelow(recipe.upstream, version)) {
    return `${recipe.name} ${version} is below its min_version ${recipe.upstream.minVersion}`;
  }
  return null;
}

async function knownTag(
  db: Queryable,
  recipe: CompiledRecipe & { upstream: CompiledUpstream },
  version: string,
): Promise<Pick<Candidate, 'version' | 'fromClock' | 'ref' | 'commit'> | null> {
  const tags = await findTags(db, recipe.name, recipe.upstream.git, version);
  // Until the upstream was looked at again, what is known may be from before a change of the recipe.
  const found = tags.find(({ tag }) => versionOfTag(recipe.upstream, tag) === version);
  return found ? { version, fromClock: false, ref: `refs/tags/${found.tag}`, commit: found.commit } : null;
}

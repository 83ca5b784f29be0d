import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import type { PushPayload } from '@kiln/protocol/events.ts';
import { normalizeGitUrl } from '../watch/git-url.ts';
import { isWatched } from '../watch/watch-key.ts';
import { branchVersion } from './clock-version.ts';
import { type Candidate, type Plan, planOf } from './plan.ts';

const BRANCH = 'refs/heads/';

/** A plan for a push, with the recipes of that repository that want no webhooks. */
export interface PushPlan extends Plan {
  optedOut: string[];
  /** No recipe has this repository as its upstream. */
  unknown: boolean;
}

/**
 * What a push to a repository comes to: a look at the tags for every recipe that watches them (a push of a branch may bring
 * tags along), and a build right away for those with a matching `push` trigger.
 */
export function planPush(
  push: PushPayload,
  recipes: readonly CompiledRecipe[],
  event: { receivedAt: Date; source: string },
): PushPlan {
  const concerned = recipes.filter((recipe) => isAbout(push, recipe));
  const listening = concerned.filter((recipe) => recipe.upstream?.webhook);
  const optedOut = concerned.filter((recipe) => !recipe.upstream?.webhook).map((recipe) => recipe.name);
  const candidates = listening.flatMap((recipe) => branchBuild(push, recipe, event));
  const polls = listening.filter(isWatched).map((recipe) => recipe.name);
  const reasons = candidates.length + polls.length > 0 ? [] : [whyNothing(push, listening, optedOut)];
  return { ...planOf({ candidates, polls, reasons }), optedOut, unknown: concerned.length === 0 };
}

function isAbout(push: PushPayload, { upstream }: CompiledRecipe): boolean {
  if (!upstream) return false;
  if (upstream.repository !== null && upstream.repository === push.repository.toLowerCase()) return true;
  const own = normalizeGitUrl(upstream.git);
  return push.urls.some((url) => normalizeGitUrl(url) === own);
}

function branchBuild(
  push: PushPayload,
  recipe: CompiledRecipe,
  event: { receivedAt: Date; source: string },
): Candidate[] {
  const { ref, commit } = push;
  if (push.deleted || !ref?.startsWith(BRANCH)) return [];
  const branch = ref.slice(BRANCH.length);
  const wanted = recipe.triggers.some((trigger) => {
    return typeof trigger === 'object' && 'push' in trigger && branchPattern(trigger.push).test(branch);
  });
  if (!wanted) return [];
  const build = {
    recipe,
    version: branchVersion(ref, event.receivedAt, commit),
    fromClock: true,
    ref,
    commit,
    oncePerCommit: commit !== null,
    force: false,
    trigger: 'push',
    by: push.sender ?? event.source,
  };
  return [build];
}

/** `*` stands for any characters, slashes too. */
function branchPattern(pattern: string): RegExp {
  const parts = pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

function whyNothing(push: PushPayload, listening: readonly CompiledRecipe[], optedOut: readonly string[]): string {
  if (listening.length > 0) {
    const what = push.deleted ? 'the removal of' : 'pushes to';
    return `${listening.map((recipe) => recipe.name).join(', ')} has no trigger for ${what} ${push.ref ?? 'an unnamed ref'}`;
  }
  if (optedOut.length > 0) return `${optedOut.join(', ')} takes no webhooks (upstream.webhook is false)`;
  return `no recipe watches ${push.repository}`;
}

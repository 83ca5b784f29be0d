import { createHash } from 'node:crypto';
import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { normalizeGitUrl } from './git-url.ts';
import type { CompiledUpstream } from './match.ts';

/** A recipe whose upstream's tags are looked at. */
export type WatchedRecipe = CompiledRecipe & { upstream: CompiledUpstream };

/** Whether the recipe wants its upstream's tags looked at. */
export function isWatched(recipe: CompiledRecipe): recipe is WatchedRecipe {
  return recipe.upstream !== null && recipe.upstream.tags !== null && recipe.triggers.includes('tag');
}

/**
 * Names what a recipe watches: the repository, and a digest of how its tags become versions. While it stays the same, new
 * tags are news; when it changes, everything would be, so the next look is treated as a first one.
 */
export function watchKey(upstream: CompiledUpstream): string {
  return `${normalizeGitUrl(upstream.git)}#${digest(`${upstream.tags}\n${upstream.versionTemplate}`)}`;
}

/** The delivery id of a found tag: the same find is the same event, whoever makes it and however often. */
export function tagDelivery(recipe: WatchedRecipe, tag: string, commit: string): string {
  const upstream = digest(`${normalizeGitUrl(recipe.upstream.git)}\n${recipe.upstream.versionTemplate}`);
  return `${recipe.name}:${upstream}:${tag}:${commit}`;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

import type { CompiledRecipe } from '@kiln/protocol/compiled.ts';
import { compareVersions, isVersion } from '@kiln/protocol/versions.ts';
import { versionOfTag } from '../recipes/tags.ts';
import type { UpstreamTag } from './refs.ts';

export type CompiledUpstream = NonNullable<CompiledRecipe['upstream']>;

/** A tag that the recipe's pattern matches, with the version that it gives. */
export interface TagMatch extends UpstreamTag {
  version: string;
}

export interface MatchedTags {
  /** Tags whose versions the recipe builds, lowest version first. */
  matches: TagMatch[];
  /** Tags that match, with a version below `min_version`. */
  below: TagMatch[];
  /** Tags that match, with a version that can't be one (it has a slash, say). */
  unusable: TagMatch[];
}

/** Sorts an upstream's tags out by the recipe's pattern, version template and least version. */
export function matchTags(upstream: CompiledUpstream, tags: readonly UpstreamTag[]): MatchedTags {
  const sorted: MatchedTags = { matches: [], below: [], unusable: [] };
  for (const { tag, commit } of tags) {
    const version = versionOfTag(upstream, tag);
    if (version === null) continue;
    const list = !isVersion(version) ? sorted.unusable : isBelow(upstream, version) ? sorted.below : sorted.matches;
    list.push({ tag, commit, version });
  }
  sorted.matches.sort((a, b) => compareVersions(a.version, b.version) || (a.tag < b.tag ? -1 : 1));
  return sorted;
}

/** Whether the recipe never builds this version. */
export function isBelow(upstream: CompiledUpstream, version: string): boolean {
  return upstream.minVersion !== null && compareVersions(version, upstream.minVersion) < 0;
}

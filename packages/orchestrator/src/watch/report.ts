import type { FarmContext } from '@kiln/store/context.ts';
import type { Milestone } from '@kiln/store/timeline.ts';
import type { LeasedWatch } from '@kiln/store/watches.ts';
import type { Decision } from './decide.ts';
import type { MatchedTags } from './match.ts';
import type { WatchedRecipe } from './watch-key.ts';

/** The fields that every log line about a look has. */
export function about(recipe: WatchedRecipe, watch: LeasedWatch): Record<string, unknown> {
  return watch.requestId ? { recipe: recipe.name, requestId: watch.requestId } : { recipe: recipe.name };
}

/** What the timeline says about a look that a request asked for; nothing about others. */
export function pollMilestones(
  { service, instance }: Pick<FarmContext, 'service' | 'instance'>,
  recipe: WatchedRecipe,
  watch: LeasedWatch,
  record: { tagsSeen: number; matches: number; emitted: number },
): Milestone[] {
  if (!watch.requestId) return [];
  const found = record.emitted === 0 ? 'nothing new' : `${record.emitted} new`;
  return [
    {
      requestId: watch.requestId,
      service,
      instance,
      name: 'upstream.polled',
      message: `looked at the upstream of ${recipe.name}: ${record.tagsSeen} tags, ${record.matches} match, ${found}`,
      detail: { recipe: recipe.name, ...record },
    },
  ];
}

/** Tells what was seen: the exact lines that operators search for. */
export function report(
  { log }: FarmContext,
  recipe: WatchedRecipe,
  watch: LeasedWatch,
  matched: MatchedTags,
  decision: Decision & { tagsSeen: number; emitted: number },
): void {
  const fields = about(recipe, watch);
  for (const { tag, from, to } of decision.moved) log.warn({ ...fields, tag, from, to }, 'tag moved');
  for (const tag of decision.changes.gone) log.warn({ ...fields, tag }, 'tag vanished');
  if (matched.unusable.length > 0) {
    const [example] = matched.unusable;
    const versions = { count: matched.unusable.length, tag: example?.tag, version: example?.version };
    log.warn(
      { ...fields, ...versions },
      'tags give versions that can not be used; change upstream.tags or upstream.version',
    );
  }
  const newest = decision.passedOver.at(-1)?.version;
  if (newest !== undefined) log.info({ ...fields, count: decision.passedOver.length, newest }, 'versions passed over');
  log.info(
    {
      ...fields,
      tags_seen: decision.tagsSeen,
      matches_emitted: matched.matches.length,
      builds_requested: decision.emitted,
      passed_over: decision.passedOver.length,
    },
    'poll complete',
  );
}

import { describeOutcome } from '@kiln/store/event-detail.ts';
import type { Milestone } from '@kiln/store/timeline.ts';
import type { Routed } from './plan.ts';
import type { Result } from './result.ts';

/** Who writes in the timeline. */
export interface Author {
  service: string;
  instance: string;
}

/** What the timeline says about a batch of routed events. */
export function resultMilestones(batch: readonly Routed[], results: readonly Result[], author: Author): Milestone[] {
  return batch.flatMap((routed, n) => {
    const result = results[n];
    return result ? ofEvent(routed, result, author) : [];
  });
}

function ofEvent({ event }: Routed, { outcome, runs, polled, refused }: Result, author: Author): Milestone[] {
  const base = { requestId: event.requestId, ...author };
  const detail = { eventId: event.eventId, event: event.name, routingKey: event.routingKey };
  if (outcome.result === 'ignored') {
    return [{ ...base, name: 'event.ignored', message: describeOutcome(outcome), detail }];
  }
  const matches = [...new Set([...runs.map((run) => run.recipe), ...polled])];
  return [
    { ...base, name: 'event.matched', message: `matched ${matches.join(', ')}`, detail },
    ...polled.map((recipe) => ({
      ...base,
      name: 'poll.requested',
      message: `a look at the upstream of ${recipe} was asked for`,
      detail: { recipe },
    })),
    ...runs.map(({ runId, recipe, version }) => ({
      ...base,
      runId,
      name: 'run.created',
      message: `a run of ${recipe} ${version} was created`,
      detail: { recipe, version },
    })),
    ...refused.map(({ recipe, version, reason }) => ({
      ...base,
      name: 'event.ignored',
      message: reason,
      detail: { recipe, version },
    })),
  ];
}

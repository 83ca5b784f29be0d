import type { EventOutcome } from '@kiln/protocol/events.ts';
import type { Transaction } from '@kiln/store/database.ts';
import { finishEvents } from '@kiln/store/event-leases.ts';
import { findBlockers, lockRecipes, versionsSince } from '@kiln/store/routing.ts';
import { createRun } from '@kiln/store/runs/create.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { requestPolls } from '@kiln/store/watches.ts';
import { judge, type Refusal, sameRun, settleClockVersions } from './judge.ts';
import { type Author, resultMilestones } from './milestones.ts';
import type { Candidate, Routed } from './plan.ts';
import type { Result, StartedRun } from './result.ts';

/** The lease of an event was lost before its outcome could be stored. */
export class StaleLease extends Error {
  override name = 'StaleLease';
}

/**
 * Commits what a batch of events comes to: runs, wishes for polls, milestones and the end of the events themselves, all or
 * nothing. The results are in the order of the events. Throws StaleLease when one of them is not this router's any more.
 */
export async function commitRoutes(sql: Transaction, batch: readonly Routed[], author: Author): Promise<Result[]> {
  const recipes = batch.flatMap(({ plan }) => [...plan.candidates.map((one) => one.recipe.name), ...plan.polls]);
  if (recipes.length > 0) await lockRecipes(sql, [...new Set(recipes)]);
  const [builds, polls] = await Promise.all([startBuilds(sql, batch), askForPolls(sql, batch)]);
  const results = batch.map((routed, n) => {
    const { runs = [], refused = [] } = builds.get(routed) ?? {};
    const polled = polls[n] ?? [];
    return { outcome: outcomeOf(routed, runs, polled, refused), runs, polled, refused };
  });
  const ends = batch.map(({ event }, n) => ({ ...event, outcome: results[n]?.outcome ?? ignored([]) }));
  const ended = await finishEvents(sql, ends);
  if (ended.length < batch.length) throw new StaleLease('the lease of an event was lost before its outcome was stored');
  await addMilestones(sql, resultMilestones(batch, results, author));
  return results;
}

interface Builds {
  runs: StartedRun[];
  refused: Refusal[];
}

async function startBuilds(sql: Transaction, batch: readonly Routed[]): Promise<Map<Routed, Builds>> {
  const builds = new Map<Routed, Builds>(batch.map((routed) => [routed, { runs: [], refused: [] }]));
  const owners = batch.flatMap((routed) => routed.plan.candidates.map(() => routed));
  const wished = batch.flatMap((routed) => routed.plan.candidates);
  if (wished.length === 0) return builds;
  const candidates = settleClockVersions(wished, await takenVersions(sql, batch));
  const judgements = judge(candidates, await findBlockers(sql, candidates.map(wantedBuild)));
  // Given to the connection all at once, the runs of a batch cost one round trip.
  const started = await Promise.all(
    judgements.map(async (judgement, n) => {
      const owner = owners[n];
      return 'start' in judgement && owner ? await start(sql, owner, judgement.start) : null;
    }),
  );
  for (const [n, judgement] of judgements.entries()) {
    const owner = owners[n];
    const own = owner && builds.get(owner);
    const run = started[n];
    if (run) own?.runs.push(run);
    else if ('refusal' in judgement) own?.refused.push(judgement.refusal);
    else if ('sameAs' in judgement)
      own?.refused.push(sameRun(judgement.candidate, started[judgement.sameAs]?.runId ?? ''));
  }
  return builds;
}

async function takenVersions(sql: Transaction, batch: readonly Routed[]): Promise<Set<string>> {
  const clocked = batch.filter(({ plan }) => plan.candidates.some((candidate) => candidate.fromClock));
  if (clocked.length === 0) return new Set();
  const recipes = clocked.flatMap(({ plan }) => plan.candidates.map((candidate) => candidate.recipe.name));
  const earliest = Math.min(...clocked.map(({ event }) => event.receivedAt.getTime()));
  // A version from the clock names a second, and its event was stored in it: no earlier run can have it.
  const taken = await versionsSince(sql, [...new Set(recipes)], new Date(earliest - 1000));
  return new Set(taken.map(({ recipe, version }) => `${recipe} ${version}`));
}

function wantedBuild({ recipe, version, oncePerCommit, ref, commit }: Candidate) {
  return { recipe: recipe.name, version, ref: oncePerCommit ? ref : null, commit: oncePerCommit ? commit : null };
}

async function start(sql: Transaction, { event, traceparent }: Routed, candidate: Candidate): Promise<StartedRun> {
  const { recipe, version, ref, commit, trigger, by } = candidate;
  const { eventId, requestId, receivedAt: eventTime } = event;
  const order = { eventId, requestId, recipe, version, ref, commit, trigger, by, eventTime, traceparent };
  const { runId } = await createRun(sql, order);
  return { runId, recipe: recipe.name, version };
}

async function askForPolls(sql: Transaction, batch: readonly Routed[]): Promise<string[][]> {
  return await Promise.all(
    batch.map(async ({ event, plan, traceparent }) => {
      return await requestPolls(sql, plan.polls, { requestId: event.requestId, traceparent });
    }),
  );
}

function outcomeOf(
  { plan }: Routed,
  runs: readonly StartedRun[],
  polled: string[],
  refused: readonly Refusal[],
): EventOutcome {
  if (runs.length > 0) {
    const created = { result: 'created' as const, runs: runs.map((run) => run.runId) };
    return polled.length > 0 ? { ...created, polled } : created;
  }
  if (polled.length > 0) return { result: 'polled', recipes: polled };
  const unwatched = plan.polls.length > 0 ? [`no orchestrator watches ${plan.polls.join(', ')} yet`] : [];
  return ignored([...plan.reasons, ...refused.map((one) => one.reason), ...unwatched]);
}

function ignored(reasons: readonly string[]): EventOutcome {
  return { result: 'ignored', reason: reasons.join('; ') || 'nothing to do' };
}

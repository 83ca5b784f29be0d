import { SUBJECTS } from '@kiln/protocol/bus.ts';
import type { BuildPayload } from '@kiln/protocol/events.ts';
import { backoffMs } from '@kiln/service/backoff.ts';
import { currentTraceparent, inSpan } from '@kiln/service/tracing.ts';
import type { FarmContext } from '@kiln/store/context.ts';
import { insertEvents, type NewEvent } from '@kiln/store/events.ts';
import { changeTags, readEarlierTags, readTags } from '@kiln/store/tags.ts';
import { addMilestones } from '@kiln/store/timeline.ts';
import { finishPoll, type LeasedWatch, WATCH_LEASES } from '@kiln/store/watches.ts';
import { archivedVersions } from './archived.ts';
import { type Decision, decide } from './decide.ts';
import { matchTags } from './match.ts';
import { listTags, type UpstreamTag } from './refs.ts';
import { about, pollMilestones, report } from './report.ts';
import { tagDelivery, type WatchedRecipe } from './watch-key.ts';

/** One recipe's part in a look at its upstream. */
export interface PollTask {
  recipe: WatchedRecipe;
  watch: LeasedWatch;
}

export interface PollOptions {
  /** How many builds one look asks for at most; the next look goes on. */
  limit: number;
}

/** When more is waiting than one look may ask for, the next look comes after this. */
const NEXT_HELPING_MS = 1_000;

const FIRST_RETRY_MS = 5_000;
/** What a recipe that is never polled by the clock waits at most after a poll that failed. */
const LONGEST_RETRY_MS = 15 * 60_000;

/**
 * Looks once at an upstream, for all the recipes given, which watch the same one under leases of this process. What was
 * found is committed for each recipe by itself. Never throws: a failed look is told and tried again later. Returns how
 * many recipes' looks failed.
 */
export async function pollUpstream(
  context: FarmContext,
  tasks: readonly PollTask[],
  options: PollOptions,
): Promise<number> {
  const [first] = tasks;
  if (!first) return 0;
  const { log, config, lifecycle } = context;
  const watches = tasks.map((task) => task.watch);
  const lookAtAll = async () => {
    const limits = { timeoutMs: config.orchestrator.pollTimeoutMs, signal: lifecycle.signal };
    const tags = listTags(first.recipe.upstream.git, limits);
    const failed = await Promise.all(tasks.map(async (task) => await pollRecipe(context, task, tags, options)));
    return failed.filter(Boolean).length;
  };
  return await WATCH_LEASES.keepWhile(context.db, watches, lookAtAll, (err) => {
    log.debug({ err }, 'a lease was not renewed');
  });
}

/** One recipe's look, with the tags that all of them wait for. Returns whether it failed. */
async function pollRecipe(
  context: FarmContext,
  task: PollTask,
  tags: Promise<readonly UpstreamTag[]>,
  options: PollOptions,
): Promise<boolean> {
  const { watch, recipe } = task;
  const started = performance.now();
  const attributes = { 'kiln.recipe': recipe.name };
  return await inSpan('upstream.poll', { parent: watch.traceparent, attributes }, async (span) => {
    context.log.info(about(recipe, watch), 'polling upstream');
    try {
      await commit(context, task, await tags, options, started);
      return false;
    } catch (error) {
      span.recordException(error instanceof Error ? error : String(error));
      await concludeFailure(context, task, error, started);
      return true;
    }
  });
}

async function commit(
  context: FarmContext,
  { recipe, watch }: PollTask,
  tags: readonly UpstreamTag[],
  { limit }: PollOptions,
  started: number,
): Promise<void> {
  const { db, bus } = context;
  const matched = matchTags(recipe.upstream, tags);
  const [known, earlier, archived] = await Promise.all([
    readTags(db, recipe.name, recipe.upstream.git),
    readEarlierTags(db, recipe.name, recipe.upstream.git),
    archivedVersions(context, recipe),
  ]);
  const firstSight = watch.lastPoll?.looked ? false : recipe.upstream.firstSight;
  const present = new Set(tags.map((tag) => tag.tag));
  const decision = decide({ ...matched, present, known, earlier, archived, firstSight, limit });
  const emitted = await db.begin(async (sql) => {
    const stored = await insertEvents(sql, buildEvents(recipe, watch, decision));
    const record = {
      tagsSeen: tags.length,
      matches: matched.matches.length,
      emitted: stored.filter((event) => !event.duplicate).length,
      passedOver: decision.passedOver.length,
      error: null,
      durationMs: Math.round(performance.now() - started),
      failures: 0,
      looked: true,
    };
    const held = await finishPoll(sql, watch, { record, nextPollInMs: nextPollInMs(recipe, decision) });
    if (!held) throw new Error('the look took longer than its lease, so another orchestrator looks again');
    await changeTags(sql, recipe.name, recipe.upstream.git, decision.changes);
    await addMilestones(sql, pollMilestones(context, recipe, watch, record));
    return record.emitted;
  });
  if (emitted > 0) bus.publish(SUBJECTS.event, {});
  bus.publish(SUBJECTS.changed, { topic: 'recipe', id: recipe.name });
  report(context, recipe, watch, matched, { ...decision, tagsSeen: tags.length, emitted });
}

function nextPollInMs({ upstream }: WatchedRecipe, { waiting }: Decision): number | null {
  if (waiting > 0) return NEXT_HELPING_MS;
  // Longer or shorter by up to the part `jitter` of it.
  return upstream.pollMs === null ? null : upstream.pollMs * (1 + upstream.jitter * (2 * Math.random() - 1));
}

function buildEvents(recipe: WatchedRecipe, watch: LeasedWatch, { emit }: Decision): NewEvent[] {
  const traceparent = currentTraceparent();
  return emit.map(({ tag, commit: hash, version }) => {
    const payload: BuildPayload = {
      recipe: recipe.name,
      version,
      ref: `refs/tags/${tag}`,
      commit: hash,
      force: false,
      by: 'poll',
    };
    return {
      source: 'poll',
      deliveryId: tagDelivery(recipe, tag, hash),
      name: 'build',
      routingKey: `recipe:${recipe.name}`,
      payload,
      traceparent,
      ...(watch.requestId ? { requestId: watch.requestId } : {}),
    };
  });
}

/** Writes down that a look failed, and when the next one is. A look that Kiln's own stop ended is no failure of the upstream. */
async function concludeFailure(
  context: FarmContext,
  { recipe, watch }: PollTask,
  error: unknown,
  started: number,
): Promise<void> {
  const { db, bus, log, lifecycle } = context;
  try {
    if (lifecycle.signal.aborted) return await WATCH_LEASES.giveBack(db, [watch]);
    const failures = (watch.lastPoll?.failures ?? 0) + 1;
    const capMs = recipe.upstream.pollMs ?? LONGEST_RETRY_MS;
    const nextPoll = backoffMs(failures, { firstMs: FIRST_RETRY_MS, capMs });
    log.warn(
      { ...about(recipe, watch), err: error, failures, retry_in_seconds: Math.round(nextPoll / 1000) },
      'poll failed',
    );
    const record = {
      tagsSeen: watch.lastPoll?.tagsSeen ?? 0,
      matches: watch.lastPoll?.matches ?? 0,
      emitted: 0,
      passedOver: 0,
      error: error instanceof Error ? error.message : String(error),
      durationMs: Math.round(performance.now() - started),
      failures,
      looked: watch.lastPoll?.looked ?? false,
    };
    await finishPoll(db, watch, { record, nextPollInMs: nextPoll });
    bus.publish(SUBJECTS.changed, { topic: 'recipe', id: recipe.name });
  } catch (second) {
    log.error(
      { ...about(recipe, watch), err: second },
      'the end of a poll could not be stored; it is repeated when its lease ends',
    );
  }
}
